"""The operator's acts on chain over HTTP: asked for in a table, done by the bridge that leads.

Only the leader may spend the operator's nonces, so a serving process writes down what is wanted and
waits a while for the answer; asked again with the same name it finds what became of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from ledger_service.api.ports import (
    BasisOfProgramme,
    ConversionOfProgrammes,
    CreatedProgramme,
    EndOfProgramme,
    NetWord,
    NewProgramme,
    TermsOfPair,
    TermsOfProgramme,
)
from ledger_service.chain.errors import AdminRefused, ChainUnavailable, PeriodNotDrained
from ledger_service.custody.ports import Custody
from ledger_service.custody.requests import (
    SignBasis,
    SignConversion,
    SignPairTerms,
    SignSettlement,
    SignTerms,
    SignWindDown,
    merchant_key_name,
)
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database
from ledger_service.db.models import operator_act
from ledger_service.db.writer import Writer
from ledger_service.kernel import settlement_words as words
from ledger_service.kernel.clock import Clock, seconds_floor
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS
from ledger_service.kernel.reserve_wishes import Wish, kind_of, payload_of
from ledger_service.kernel.settlement_words import Decided, Held
from ledger_service.merchants.requests import MerchantKeys
from ledger_service.outbox.queries import newest_intent, waiting_up_to
from ledger_service.settlement.errors import SettlementNotOffered

Json = dict[str, Any]
PATIENCE_SECONDS = 30
# The service refuses a suspended merchant at once; the contract goes by acceptance times, and must still take
# what a till had accepted by then: dated ahead by the tolerated skew, or by a process that learned it a
# second later. The rest is for the block that tells the contract, which must come before that time.
SUSPENSION_LEAD_SECONDS = CLOCK_SKEW_SECONDS + 180
_POLL_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class Act:
    """An act of a kind with a name of its own and what it needs."""

    kind: str
    name: str
    payload: Json


class QueuedGovernance:
    """Fulfils ``api.ports.Governance`` in a serving process."""

    def __init__(
        self, writer: Writer, database: Database, custody: Custody, clock: Clock, desk: bytes | None = None
    ) -> None:
        """``desk`` is where the SettlementDesk stands, None where there is none."""
        self._writer, self._database = writer, database
        self._custody, self._clock, self._desk = custody, clock, desk

    def admit_merchant(self, merchant_id: int) -> MerchantKeys:
        """See the port."""
        purposes = ("admin", "operations", "settlement")
        keys = [self._custody.address_of(merchant_key_name(merchant_id, p)) for p in purposes]
        payload = {"merchant": merchant_id, "keys": [key.hex() for key in keys]}
        self.perform(Act("admit", str(merchant_id), payload))
        return MerchantKeys(*keys)

    def set_suspended(self, merchant_id: int, suspended: bool, name: str) -> None:
        """See the port."""
        since = seconds_floor(self._clock.now()) + SUSPENSION_LEAD_SECONDS
        kind = "suspend" if suspended else "reinstate"
        self.perform(Act(kind, f"{merchant_id}:{name}", {"merchant": merchant_id, "since": since}))

    def create_programme(self, new: NewProgramme) -> CreatedProgramme:
        """See the port."""
        payload = {
            "merchant": new.merchant_id,
            "code": new.code,
            "name": new.name,
            "epoch_ends": list(new.epoch_ends),
            "terms": asdict(new.first),
        }
        made = self.perform(Act("programme", new.code, payload))
        return CreatedProgramme(made["programme"], bytes.fromhex(made["token"]))

    def publish_terms(
        self, merchant_id: int, programme_id: int, version: int, terms: TermsOfProgramme
    ) -> None:
        """See the port."""
        given = asdict(terms)
        signature = self._custody.sign_terms(SignTerms(merchant_id, programme_id, version, **given))
        payload = {"programme": programme_id, "version": version, "terms": given, "by": signature.hex()}
        self.perform(Act("terms", f"{programme_id}:{version}", payload))

    def publish_pair_terms(self, terms: TermsOfPair) -> int:
        """See the port."""
        pair = {name: value for name, value in asdict(terms).items() if name != "issuer"}
        both = [SignPairTerms(merchant, *pair.values()) for merchant in (terms.issuer, terms.acceptor)]
        by = [signature.hex() for signature in self._custody.sign_pair_terms(both)]
        name = f"{terms.programme_id}:{terms.acceptor}:{terms.previous}"
        return int(self.perform(Act("pair", name, {"pair": pair, "by": by}))["version"])

    def publish_basis(self, basis: BasisOfProgramme) -> None:
        """See the port."""
        words = {name: value for name, value in asdict(basis).items() if name != "issuer"}
        both = [SignBasis(merchant, *words.values()) for merchant in (basis.issuer, basis.pool)]
        by = [signature.hex() for signature in self._custody.sign_bases(both)]
        self.perform(Act("basis", f"{basis.programme_id}:{basis.number}", {"basis": words, "by": by}))

    def publish_conversion(self, terms: ConversionOfProgrammes) -> None:
        """See the port."""
        words = astuple(terms)[2:]
        both = [SignConversion(merchant, *words) for merchant in (terms.issuer, terms.target_issuer)]
        by = [signature.hex() for signature in self._custody.sign_by_both(both)]
        name = ":".join(map(str, words[:3]))
        self.perform(Act("conversion", name, {"words": list(words), "by": by}))

    def announce_end(self, end: EndOfProgramme) -> None:
        """See the port."""
        words = astuple(end)[2:]
        both = [SignWindDown(merchant, *words) for merchant in (end.issuer, end.target_issuer)]
        by = [signature.hex() for signature in self._custody.sign_by_both(both)]
        self.perform(Act("wind-down", str(end.programme_id), {"words": list(words), "by": by}))

    def append_epochs(self, programme_id: int, first_epoch: int, ends: Sequence[int]) -> None:
        """See the port."""
        payload = {"programme": programme_id, "first": first_epoch, "ends": list(ends)}
        self.perform(Act("epochs", f"{programme_id}:{first_epoch}", payload))

    def confirm_period(self, word: NetWord, signature: bytes | None, name: str) -> None:
        """See the port."""
        told = words.confirmation(word.period, word.merchant, word.net_micros, word.statements)
        by = self._settlement_word(word.merchant, (words.CONFIRMATION, told), signature)
        payload = {"period": word.period, "merchant": word.merchant, "net": str(word.net_micros)}
        name = f"{word.period}:{word.merchant}:{word.net_micros}:{name}"
        self.perform(Act("settle-confirm", name, {**payload, "by": by.hex()}))

    def dispute_line(self, held: Held, signature: bytes | None) -> None:
        """See the port."""
        by = self._settlement_word(held.by, (words.DISPUTE, held.words()), signature)
        payload = {
            "period": held.period, "pair": [held.debtor, held.creditor], "merchant": held.by,
            "held": str(held.micros), "evidence": held.evidence.hex(), "by": by.hex(),
        }  # fmt: skip
        name = f"{held.period}:{held.debtor}:{held.creditor}:{held.by}:{held.micros}"
        self.perform(Act("settle-dispute", name, payload))

    def word_on_line(self, decided: Decided, merchant: int) -> bytes:
        """See the port."""
        return self._settlement_word(merchant, (words.RESOLUTION, decided.words()), None)

    def resolve_line(self, decided: Decided, signatures: tuple[bytes, bytes]) -> None:
        """See the port."""
        pair = [decided.debtor, decided.creditor]
        by = [signature.hex() for signature in signatures]
        told = {"period": decided.period, "pair": pair, "pay": str(decided.pay_micros), "by": by}
        self._settle("resolve", f"{decided.period}:{decided.debtor}:{decided.creditor}", told)

    def arbitrate_line(self, decided: Decided, evidence: bytes, name: str) -> int:
        """See the port."""
        pair = [decided.debtor, decided.creditor]
        told = {"period": decided.period, "pair": pair, "pay": str(decided.pay_micros)}
        name = f"{decided.period}:{decided.debtor}:{decided.creditor}:{name}"
        return int(self._settle("arbitrate", name, {**told, "evidence": evidence.hex()})["due"])

    def close_period(self, period: int) -> None:
        """See the port."""
        with self._database.read() as conn:
            cut = newest_intent(conn)
        try:
            self.perform(Act("close", str(period), {"period": period, "cut": cut}))
        except ChainUnavailable as late:
            with self._database.read() as conn:
                waiting = waiting_up_to(conn, cut)
            if waiting:
                raise PeriodNotDrained(period, waiting) from late
            raise

    def reserve(self, wish: Wish, name: str) -> None:
        """See the port."""
        self.perform(Act(kind_of(wish), name, payload_of(wish)))

    def publish_period(self, period: int, answer_days: int) -> None:
        """See the port."""
        self._settle("publish", str(period), {"period": period, "days": answer_days})

    def net_period(self, period: int) -> None:
        """See the port."""
        self._settle("net", str(period), {"period": period})

    def mark_paid(self, period: int, payouts: Sequence[int], evidence: bytes) -> None:
        """See the port."""
        paid = {"period": period, "payouts": list(payouts), "evidence": evidence.hex()}
        bits = sum(1 << index for index in set(payouts))
        self._settle("paid", f"{period}:{bits:x}:{evidence.hex()}", paid)

    def _settle(self, step: str, name: str, payload: Json) -> Json:
        if self._desk is None:
            raise SettlementNotOffered()
        return self.perform(Act(f"settle-{step}", name, payload))

    def _settlement_word(
        self, merchant: int, what: tuple[str, words.Words], signature: bytes | None
    ) -> bytes:
        if self._desk is None:
            raise SettlementNotOffered()
        if signature is not None:
            return signature
        return self._custody.sign_settlement(SignSettlement(merchant, self._desk, *what))

    def perform(self, act: Act) -> Json:
        """The act is done by the leading bridge; returns what came of it.

        Raises:
            AdminRefused: the contract refuses it, or another of this name came first.
            ChainUnavailable: the bridge has not done it yet; asked again it is waited for.
        """
        at = self._clock.now()
        act_id = f"{act.kind}:{act.name}"
        self._writer.run(lambda conn: ask(conn, act_id, act, at))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with self._database.read() as conn:
                row = conn.execute(select(operator_act).where(operator_act.c.act_id == act_id)).one()
            if _wish(json.loads(row.payload)) != _wish(act.payload):
                raise AdminRefused(act_id, "another proposal of this name came first")
            if row.state == "done":
                return dict(json.loads(row.result))
            if row.state == "refused":
                raise AdminRefused(act_id, row.result)
            time.sleep(_POLL_SECONDS)
        raise ChainUnavailable("operator act", f"{act_id} waits for the bridge")


def _wish(payload: Json) -> Json:
    # Times and cut-offs are those of the first asking: whoever asks again waits for what was begun then.
    return {name: value for name, value in payload.items() if name not in ("at", "since", "cut")}


def ask(conn: Connection, act_id: str, act: Act, at: datetime) -> None:
    """The act waits to be done, unless it is done already; one that was refused is tried again."""
    asked = {"kind": act.kind, "payload": json.dumps({**act.payload, "at": seconds_floor(at)})}
    row = {"act_id": act_id, **asked, "state": "waiting", "result": None, "asked_at": at}
    sql_of(operator_act, conn).insert(conn, [row], or_ignore=True)
    again = (operator_act.c.act_id == act_id) & (operator_act.c.state == "refused")
    conn.execute(update(operator_act).where(again).values(**asked, state="waiting", result=None))
