"""The operator's acts that wait in their table, done by the bridge that leads (``governance`` asks)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import case, select, update

from ledger_service.chain.admin import Admin, MerchantOnChain, ProgrammeOnChain, TermsOnChain
from ledger_service.chain.basis.clerk import BasisClerk, BasisOnChain
from ledger_service.chain.conversion.clerk import ConversionClerk, ConversionOnChain, WindDownOnChain
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.pair_terms import PairClerk, PairOnChain
from ledger_service.custody.errors import SigningRefused
from ledger_service.db.models import operator_act
from ledger_service.outbox.queries import waiting_up_to

Json = dict[str, Any]
# Acts that wait for something of their own are looked past; there is one period to close, so a few suffice.
_MOST_LOOKED_AT = 16
# These must be in a block by an instant, and a merchant may ask for as many figures as it likes before them.
_AT_ONCE = ("suspend", "reinstate", "reserve-default", "reserve-cure")
_LATER = case((operator_act.c.kind.in_(_AT_ONCE), 0), else_=1)


class _NotYet(Exception):
    """The act waits on for something else than the chain; others go before it."""


class GovernanceClerk:
    """Does the waiting acts in the bridge that leads; run it as one of the bridge's jobs."""

    def __init__(
        self, desk: Desk, admin: Admin, further: Mapping[str, Callable[[Json], Json]] | None = None
    ) -> None:
        self._desk, pairs, bases = desk, PairClerk(admin), BasisClerk(admin)
        conversions = ConversionClerk(admin)
        self._acts: dict[str, Callable[[Json], Json]] = {
            **(further or {}),
            "admit": lambda p: _admit(admin, p),
            "suspend": lambda p: _suspend(admin, p),
            "reinstate": lambda p: _reinstate(admin, p),
            "programme": lambda p: _programme(admin, p),
            "terms": lambda p: _terms(admin, p),
            "epochs": lambda p: _epochs(admin, p),
            "pair": lambda p: _pair(pairs, p),
            "basis": lambda p: _basis(bases, p),
            "conversion": lambda p: _conversion(conversions, p),
            "wind-down": lambda p: _end(conversions, p),
            "close": lambda p: _close(admin, desk, p),
        }

    def run(self) -> bool:
        """One waiting act is done or refused; returns whether there was one.

        Raises:
            ChainUnavailable: the act goes on waiting.
        """
        waiting = select(operator_act).where(operator_act.c.state == "waiting")
        asked = (_LATER, operator_act.c.asked_at, operator_act.c.act_id)
        in_order = waiting.order_by(*asked).limit(_MOST_LOOKED_AT)
        with self._desk.read() as conn:
            rows = conn.execute(in_order).all()
        return any(self._answered(row) for row in rows)

    def _answered(self, row: Any) -> bool:
        act = self._acts.get(row.kind)
        if act is None:
            # Of a newer version, asked for while this bridge still leads: it waits for one that knows it.
            return False
        try:
            state, result = "done", json.dumps(act(json.loads(row.payload)))
        except AdminRefused as refusal:
            state, result = "refused", refusal.reason
        except SigningRefused as refusal:
            # Asking again does not cure it, and what a merchant asks for must not hold up all the rest.
            state, result = "refused", f"custody signs no such thing: {refusal.reason}"
        except _NotYet:
            return False
        with self._desk.write() as conn:
            mine = operator_act.c.act_id == row.act_id
            conn.execute(update(operator_act).where(mine).values(state=state, result=result))
        return True


def _close(admin: Admin, desk: Desk, p: Json) -> Json:
    """All that was accepted before the asking is in a block first (D12); the bridge is carrying it there."""
    with desk.read() as conn:
        if waiting_up_to(conn, p["cut"]):
            raise _NotYet
    admin.close_period(p["period"], p["at"])
    return {}


def _admit(admin: Admin, p: Json) -> Json:
    keys = [bytes.fromhex(key) for key in p["keys"]]
    admin.admit_merchant(MerchantOnChain(p["merchant"], *keys), p["at"])
    return {}


def _suspend(admin: Admin, p: Json) -> Json:
    admin.suspend_merchant(p["merchant"], p["since"], p["at"])
    return {}


def _reinstate(admin: Admin, p: Json) -> Json:
    admin.reinstate_merchant(p["merchant"], p["since"], p["at"])
    return {}


def _programme(admin: Admin, p: Json) -> Json:
    ends, terms = tuple(p["epoch_ends"]), TermsOnChain(**p["terms"])
    wanted = ProgrammeOnChain(p["merchant"], p["name"], p["code"], ends, terms)
    programme, token = admin.create_programme(p["code"], wanted, p["at"])
    return {"programme": programme, "token": token.hex()}


def _terms(admin: Admin, p: Json) -> Json:
    terms = TermsOnChain(**p["terms"])
    admin.publish_terms(p["programme"], p["version"], terms, bytes.fromhex(p["by"]), p["at"])
    return {}


def _pair(pairs: PairClerk, p: Json) -> Json:
    terms = dict(p["pair"])
    pair = PairOnChain(terms.pop("programme_id"), **terms)
    issuer, acceptor = (bytes.fromhex(signature) for signature in p["by"])
    return {"version": pairs.publish(pair, (issuer, acceptor), p["at"])}


def _basis(bases: BasisClerk, p: Json) -> Json:
    words = dict(p["basis"])
    issuer, pool = (bytes.fromhex(signature) for signature in p["by"])
    bases.publish(BasisOnChain(words.pop("programme_id"), **words), (issuer, pool), p["at"])
    return {}


def _conversion(conversions: ConversionClerk, p: Json) -> Json:
    issuer, target = (bytes.fromhex(signature) for signature in p["by"])
    conversions.publish(ConversionOnChain(*p["words"]), (issuer, target), p["at"])
    return {}


def _end(conversions: ConversionClerk, p: Json) -> Json:
    issuer, target = (bytes.fromhex(signature) for signature in p["by"])
    conversions.announce(WindDownOnChain(*p["words"]), (issuer, target), p["at"])
    return {}


def _epochs(admin: Admin, p: Json) -> Json:
    admin.append_epochs(p["programme"], p["first"], tuple(p["ends"]), p["at"])
    return {}
