"""Points: legs (programme, terms version, epoch, amount) and the order in which points are spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger_service.kernel.secp256k1 import keccak256

GREATEST_AMOUNT = 2**53 - 1
MOST_LEGS = 8
NEVER_SECONDS = 2**40 - 1


@dataclass(frozen=True, slots=True, order=True)
class Leg:
    """Points of one programme, last spendable in ``epoch``, valued by one version of its terms."""

    programme: int
    terms_version: int
    epoch: int
    amount: int

    def word(self) -> int:
        """The one 256-bit word of the contract: programme, version, epoch and amount from high to low."""
        return self.programme << 112 | self.terms_version << 96 | self.epoch << 64 | self.amount

    @staticmethod
    def of_word(word: int) -> Leg:
        """The leg of a word; bits above 144 (a table index in calldata) are ignored."""
        return Leg(
            word >> 112 & 0xFFFFFFFF, word >> 96 & 0xFFFF, word >> 64 & 0xFFFFFFFF, word & (1 << 64) - 1
        )


@dataclass(frozen=True, slots=True)
class Lot:
    """Points of one programme that a member can spend now and that expire together."""

    programme: int
    epoch: int
    available: int


def legs_hash(legs: Sequence[Leg]) -> bytes:
    """keccak256 over the legs' words, 32 bytes each, in their order."""
    return keccak256(b"".join([leg.word().to_bytes(32, "big") for leg in legs]))


def take_soonest(lots: Iterable[Lot], amount: int) -> list[tuple[int, int]]:
    """Split ``amount`` points over one programme's lots, soonest expiry first.

    Returns:
        (epoch, amount) pairs, each amount positive; they sum to less than ``amount`` where the
        lots do not hold enough, which the caller must refuse.
    """
    taken: list[tuple[int, int]] = []
    for lot in sorted(lots, key=lambda lot: lot.epoch):
        part = min(lot.available, amount)
        if part > 0:
            taken.append((lot.epoch, part))
            amount -= part
        if amount == 0:
            break
    return taken


def fee_micros_floor(value_micros: int, fee_bps: int) -> int:
    """The pair's fee in micros, rounded down; the issuer keeps it, the acceptor is owed the rest (D12)."""
    return value_micros * fee_bps // 10_000
