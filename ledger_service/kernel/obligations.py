"""Obligations between merchants: one line for each leg that a redemption moved, or gave back (D12)."""

from __future__ import annotations

from typing import NamedTuple

from ledger_service.kernel.operations import Kind


class ObligationLine(NamedTuple):
    """What one leg of an operation adds to a merchant's debt to another.

    Points and amounts (micros of the settlement currency) are negative where points came back. The place on
    the chain is batch, position in it, and leg of the operation; ``root`` is that of the batch, against which
    anybody can prove the operation.
    """

    batch: int
    position: int
    leg: int
    op_id: bytes
    kind: Kind
    programme: int
    terms_version: int
    points: int
    debtor: int
    creditor: int
    value_micros: int
    fee_micros: int
    root: bytes

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it stands on the chain; lines of a period ascend by it."""
        return self.batch, self.position, self.leg

    @property
    def owed_micros(self) -> int:
        """What the issuer owes for it: the value less the fee, which it keeps."""
        return self.value_micros - self.fee_micros
