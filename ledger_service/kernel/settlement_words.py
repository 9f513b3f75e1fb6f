"""What settlement keys sign, and the tree of a period's lines, as the SettlementDesk reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.kernel.eip712 import type_hash, word
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.kernel.secp256k1 import keccak256

NAME = "Alliance Settlement"
CONFIRMATION, DISPUTE, RESOLUTION = "confirmation", "dispute", "resolution"
_TYPES = {
    CONFIRMATION: "Confirmation(uint32 period,uint64 merchant,int256 netMicros,bytes32 statements)",
    DISPUTE: "Dispute(uint32 period,uint64 merchant,uint64 debtor,uint64 creditor,int256 heldMicros,"
    "bytes32 evidence)",
    RESOLUTION: "Resolution(uint32 period,uint64 debtor,uint64 creditor,int256 payMicros)",
}
# Where each struct names merchants: whose word it is must be among them.
_PARTIES = {CONFIRMATION: (1,), DISPUTE: (1,), RESOLUTION: (1, 2)}
_LENGTHS = {kind: text.count(",") + 1 for kind, text in _TYPES.items()}
Words = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PairLine:
    """What one merchant owes another for a period; ``detail`` commits to the operations behind it."""

    period: int
    debtor: int
    creditor: int
    owed_micros: int
    detail: bytes

    def leaf(self) -> bytes:
        """Its leaf in the period's tree: hashed twice, as OpenZeppelin's StandardMerkleTree does."""
        words = (self.period, self.debtor, self.creditor, _signed(self.owed_micros), self.detail)
        return keccak256(keccak256(b"".join(word(w) for w in words)))


@dataclass(frozen=True, slots=True)
class Statements:
    """The lines of a period as one tree."""

    lines: tuple[PairLine, ...]

    @property
    def root(self) -> bytes:
        """What the operator publishes; without any line the hash of nothing, which no proof leads to."""
        return root_of(self._leaves()) if self.lines else keccak256(b"")

    def proof(self, line: PairLine) -> list[bytes]:
        """The sibling nodes that lead from the line to the root."""
        leaves = self._leaves()
        return proof_of(leaves, leaves.index(line.leaf()))

    def _leaves(self) -> Sequence[bytes]:
        return sorted(line.leaf() for line in self.lines)


def confirmation(period: int, merchant: int, net_micros: int, statements: bytes) -> Words:
    """The members of a merchant's word that its net is right."""
    return _words(period, merchant, _signed(net_micros), statements)


@dataclass(frozen=True, slots=True)
class Held:
    """The word of ``by``, one of the two, that a part of a line is not owed; ``evidence`` is a SHA-256."""

    period: int
    debtor: int
    creditor: int
    by: int
    micros: int
    evidence: bytes

    def words(self) -> Words:
        """The members of the struct that the merchant signs."""
        pair = self.debtor, self.creditor
        return _words(self.period, self.by, *pair, _signed(self.micros), self.evidence)


@dataclass(frozen=True, slots=True)
class Decided:
    """What of a held amount is owed, as both merchants say; ``pay_micros`` is of the settlement currency."""

    period: int
    debtor: int
    creditor: int
    pay_micros: int

    def words(self) -> Words:
        """The members of the struct that each of the two signs."""
        return resolution(self.period, self.debtor, self.creditor, self.pay_micros)


def dispute(line: PairLine, by: int, held_micros: int, evidence: bytes) -> Words:
    """The members of a merchant's word that a part of a line is not owed."""
    return Held(line.period, line.debtor, line.creditor, by, held_micros, evidence).words()


def resolution(period: int, debtor: int, creditor: int, pay_micros: int) -> Words:
    """The members of both merchants' word on what of a held amount is owed."""
    return _words(period, debtor, creditor, _signed(pay_micros))


def struct_of(kind: str, words: Words, merchant: int) -> bytes | None:
    """The struct hash of these members; None where they are none of that kind, or another merchant's word."""
    if kind not in _TYPES or len(words) != _LENGTHS[kind]:
        return None
    if merchant not in (int.from_bytes(words[place], "big") for place in _PARTIES[kind]):
        return None
    return keccak256(type_hash(_TYPES[kind]) + b"".join(words))


def _words(*members: int | bytes) -> Words:
    return tuple(word(member) for member in members)


def _signed(value: int) -> int:
    return value & (1 << 256) - 1
