"""What the clerk of the leading bridge does about words on a period and on reserves, as the door asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ledger_service.bootstrap.agreeing import Agreement
from ledger_service.bootstrap.foundations import Foundations
from ledger_service.bootstrap.standings import StandingReader
from ledger_service.chain.admin import Steps
from ledger_service.chain.errors import AdminRefused, CloseNotFinal, PeriodNotOpen
from ledger_service.chain.reserves.clerk import carry_out
from ledger_service.chain.reserves.office import ReserveOffice
from ledger_service.custody.requests import SignCustodian
from ledger_service.kernel.reserve_wishes import KINDS, wish_of
from ledger_service.kernel.settlement_words import Decided, Held
from ledger_service.settlement.errors import NoSuchPair, PeriodNotPublished

Json = dict[str, Any]
# What asking again alone does not cure: the act is refused. Anything else would keep every later act waiting.
_REFUSALS = (CloseNotFinal, PeriodNotOpen, NoSuchPair, PeriodNotPublished)


def settlement_acts(reader: StandingReader | None) -> Mapping[str, Callable[[Json], Json]]:
    """What relays a word, by the kind of the act; without a SettlementDesk each is refused.

    Where the period stands then is read before the act is answered, so that whoever asks next, for another
    payment order, say, is not told how it stood before.
    """

    def needed() -> Agreement:
        if reader is None:
            raise AdminRefused("settlement", "the alliance has no SettlementDesk")
        return reader.agreement

    def confirm(p: Json) -> None:
        needed().relay_confirmation(p["period"], (p["merchant"], int(p["net"])), bytes.fromhex(p["by"]))

    def dispute(p: Json) -> None:
        debtor, creditor = p["pair"]
        evidence = bytes.fromhex(p["evidence"])
        held = Held(p["period"], debtor, creditor, p["merchant"], int(p["held"]), evidence)
        needed().relay_dispute(held, bytes.fromhex(p["by"]))

    def resolve(p: Json) -> None:
        debtor, creditor = p["pair"]
        first, second = (bytes.fromhex(signature) for signature in p["by"])
        needed().relay_resolution(p["period"], (debtor, creditor), int(p["pay"]), (first, second))

    def publish(p: Json) -> None:
        needed().publish(p["period"], p["days"])

    def net(p: Json) -> None:
        needed().net(p["period"])

    def paid(p: Json) -> None:
        needed().mark_paid_by(p["period"], p["payouts"], bytes.fromhex(p["evidence"]))

    acts = {"confirm": confirm, "dispute": dispute, "resolve": resolve, "publish": publish, "net": net,
            "paid": paid, "arbitrate": lambda p: _arbitrated(needed(), p)}  # fmt: skip
    return {f"settle-{name}": _refusing(act, reader) for name, act in acts.items()}


def _arbitrated(agreement: Agreement, p: Json) -> Json:
    debtor, creditor = p["pair"]
    decided = Decided(p["period"], debtor, creditor, int(p["pay"]))
    return {"due": agreement.arbitrate(decided, bytes.fromhex(p["evidence"]))}


def _refusing(act: Callable[[Json], Json | None], reader: StandingReader | None) -> Callable[[Json], Json]:
    def answered(p: Json) -> Json:
        try:
            told = act(p)
        except _REFUSALS as refusal:
            raise AdminRefused("settlement", f"{refusal.why} {refusal.fix}") from refusal
        if reader is not None:
            reader.look_again(p["period"])
        return told or {}

    return answered


def reserve_acts(foundations: Foundations, steps: Steps) -> Mapping[str, Callable[[Json], Json]]:
    """What carries out a wish at the reserve desk, by its kind; none without one, nobody asks then."""
    at, custody = foundations.alliance.reserve_desk, foundations.custody
    if at is None:
        return {}
    office, desk = ReserveOffice(steps, at), at

    def sign(merchant: int, custodian: bytes, nonce: int) -> bytes:
        return custody.sign_custodian(SignCustodian(merchant, desk, custodian, nonce))

    def act(kind: str) -> Callable[[Json], Json]:
        def answered(p: Json) -> Json:
            carry_out(office, wish_of(kind, p), sign, p["at"])
            return {}

        return answered

    return {kind: act(kind) for kind in KINDS}
