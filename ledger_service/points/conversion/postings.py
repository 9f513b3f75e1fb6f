"""Which accounts a conversion moves points between, pure."""

from __future__ import annotations

from ledger_service.kernel.operations import Convert
from ledger_service.ledger.rules import Account, Movement, SystemKind, system_account


def conversion_movements(operation: Convert, own: Account) -> list[Movement]:
    """What is redeemed at the target's issuer, then what is issued; ``own`` is the member's account."""
    *legs, into = operation.legs
    sinks = [system_account(SystemKind.REDEMPTION, leg.programme, operation.merchant) for leg in legs]
    moves = [
        Movement(own, sink, leg.programme, leg.epoch, leg.amount)
        for sink, leg in zip(sinks, legs, strict=True)
    ]
    issuance = system_account(SystemKind.ISSUANCE, into.programme)
    return [*moves, Movement(issuance, own, into.programme, into.epoch, into.amount)]
