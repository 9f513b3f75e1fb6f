"""Words about reserves as the ReserveDesk reads them: who holds a merchant's reserve, and how much it is."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.eip712 import struct_hash

NAME = "Alliance Reserves"
_CUSTODIAN = "Custodian(uint64 merchant,address custodian,uint32 nonce)"
_FIGURE = "ReserveFigure(uint64 merchant,uint128 reserveMicros,uint40 asOf,uint32 sequence)"


@dataclass(frozen=True, slots=True)
class Figure:
    """What a custodian holds for a merchant, in micros of the settlement currency, on a date in seconds."""

    merchant: int
    reserve_micros: int
    as_of: int
    sequence: int

    def struct_hash(self) -> bytes:
        """What the custodian's key signs, in the desk's domain."""
        return struct_hash(_FIGURE, self.merchant, self.reserve_micros, self.as_of, self.sequence)


def custodian_struct_hash(merchant: int, custodian: bytes, nonce: int) -> bytes:
    """What the merchant's admin key signs to name who holds its reserve; ``nonce`` as the desk tells."""
    return struct_hash(_CUSTODIAN, merchant, custodian, nonce)
