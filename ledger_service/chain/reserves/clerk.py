"""Wishes of the reserve desk, carried out with the operator's key by the bridge that leads."""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.chain.reserves.office import ReserveOffice
from ledger_service.kernel.reserve_wishes import (
    BringFigure,
    Cure,
    DeclareDefault,
    NameCustodian,
    Refresh,
    Require,
    Wish,
)
from ledger_service.kernel.reserve_words import Figure

# Signs for the merchant that so is its custodian: merchant, address, nonce of its account.
SignsCustodian = Callable[[int, bytes, int], bytes]


def carry_out(office: ReserveOffice, wish: Wish, signs: SignsCustodian, at: int) -> None:
    """The wish stands on chain; ``at`` is when it was asked, in seconds.

    Raises:
        AdminRefused: the desk refuses it.
        ChainUnavailable: the chain cannot be reached.

    Idempotency: as the office's.
    """
    merchant = wish.merchant
    match wish:
        case NameCustodian(_, custodian, signature):
            _name(office, (merchant, custodian, signature), signs, at)
        case BringFigure():
            figure = Figure(merchant, wish.reserve_micros, wish.as_of, wish.sequence)
            office.bring(figure, wish.signature, at)
        case Require(_, bps, begins):
            office.require(merchant, bps, begins, at)
        case Refresh():
            office.refresh(merchant, at, at)
        case DeclareDefault(_, begins, evidence):
            office.default(merchant, begins, evidence, at)
        case Cure(_, begins, evidence):
            office.cure(merchant, begins, evidence, at)


def _name(office: ReserveOffice, word: tuple[int, bytes, bytes], signs: SignsCustodian, at: int) -> None:
    merchant, custodian, signature = word
    account = office.account(merchant)
    if account.custodian != custodian:
        by = signature or signs(merchant, custodian, account.nonce)
        office.name_custodian(merchant, custodian, (account.nonce, by), at)
