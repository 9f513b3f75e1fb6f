"""The frame of one batch: its table, turns, leaves, moves and nets, as in ``BatchDesk.sol``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger_service.kernel.merkle import root_of, verify
from ledger_service.kernel.permits import slice_struct_hash
from ledger_service.kernel.secp256k1 import keccak256, recover_address
from tests.simulation.model.abi import Log, log_of, refusal, word
from tests.simulation.model.state import NEVER, State

MOST_OPERATIONS, MOST_LEGS = 2048, 8
CLOCK_SKEW, MINING_WINDOW = 120, 7 * 86_400
LOW_BITS = (1 << 96) - 1
CREDITS = {"issued": 1, "restored": 1, "redeemed": -1, "clawedBack": -1, "expired": -1}


def amount_of(leg: int) -> int:
    return leg & (1 << 64) - 1


def epoch_of(leg: int) -> int:
    return leg >> 64 & (1 << 32) - 1


def legs_hash(legs: Sequence[int]) -> bytes:
    return keccak256(b"".join(word(leg) for leg in legs))


@dataclass
class Book:
    """A programme of the table; its rows share it. A move is (operation, account, epoch, amount)."""

    number: int
    issuer: int
    ends: tuple[int, ...]
    owed: int = 0
    issued: int | None = None
    moves: list[tuple[int, bytes, int, int]] = field(default_factory=list)


@dataclass
class Row:
    """One version of one programme's terms."""

    key: int
    book: Book
    value: int
    fee: int
    cap: int
    start: int
    until: int


@dataclass
class Turn:
    """A slice's place; ``index`` is the position of its next operation."""

    merchant: int
    key: bytes
    suspended_from: int
    first: int
    index: int
    credit: int = 0


class Desk:
    """What the operations of a batch work with; only ``state`` and ``logs`` outlive it."""

    def __init__(self, state: State, now: int, number: int) -> None:
        self.state, self.now, self.number = state, now, number
        self.logs: list[Log] = []
        self.leaves: list[bytes] = []
        self.rows: list[Row] = []
        self.turns: list[Turn] = []

    def open(self, table: Sequence[Any], signers: int, slices: Sequence[Any]) -> None:
        """The batch may run: its number, its table, its slices."""
        state = self.state
        if self.now < state.paused_until:
            raise refusal("ClearingHousePaused", state.paused_until)
        if self.number <= state.last_batch:
            raise refusal("BatchNumberUsed", self.number, state.last_batch)
        loaded = [self._load(*entry) for entry in table]
        if state.in_force != state.site.house:
            raise refusal("ClearingHouseNotInForce", state.in_force)
        for i, row in enumerate(loaded):
            if i and row.key <= loaded[i - 1].key:
                raise refusal("TableNotRising", i)
            if i and row.key >> 16 == loaded[i - 1].key >> 16:
                row.book = loaded[i - 1].book
        self.rows = loaded
        self._open_turns(signers, slices)

    def _load(self, programme: int, version: int) -> Row:
        known = self.state.programmes.get(programme)
        if known is None:
            raise refusal("RegistryProgrammeUnknown", programme)
        if version == 0 or version > len(known.terms):
            raise refusal("RegistryTermsUnknown", programme, version)
        start, value, fee, cap, _ = known.terms[version - 1]
        until = NEVER if version == len(known.terms) else known.terms[version][0]
        return Row(
            programme << 16 | version,
            Book(programme, known.issuer, known.ends),
            value,
            fee,
            cap,
            start,
            until,
        )

    def _open_turns(self, signers: int, slices: Sequence[Any]) -> None:
        count = signers
        for s, piece in enumerate(slices):
            if s and piece[0] <= slices[s - 1][0]:
                raise refusal("SliceNotRising", s)
            known = self.state.merchants.get(piece[0])
            if known is None:
                raise refusal("SliceMerchantUnknown", piece[0])
            self.turns.append(Turn(piece[0], known.operations, known.suspended_from, count, count))
            count += sum(len(kind) for kind in piece[2:])
        if count == 0:
            raise refusal("BatchEmpty", self.number)
        if count > MOST_OPERATIONS:
            raise refusal("BatchTooLarge", count, MOST_OPERATIONS)
        self.leaves = [b""] * count

    # Checks

    def check_accepted(self, index: int, at: int) -> None:
        if at > self.now + CLOCK_SKEW:
            raise refusal("AcceptedInFuture", index, at, self.now)
        if at < self.now - MINING_WINDOW:
            raise refusal("AcceptedTooLongAgo", index, at, self.now)

    def check_not_suspended(self, turn: Turn, at: int) -> None:
        if at >= turn.suspended_from:
            raise refusal("MerchantSuspendedAt", turn.index, turn.merchant, turn.suspended_from, at)

    def check_leg_count(self, index: int, legs: Sequence[int]) -> None:
        if not 1 <= len(legs) <= MOST_LEGS:
            raise refusal("LegCountInvalid", index, len(legs))

    def row_of(self, index: int, leg: int) -> Row:
        if leg >> 96 >= len(self.rows):
            raise refusal("LegOutsideTable", index, leg)
        if amount_of(leg) == 0:
            raise refusal("AmountZero", index, leg)
        return self.rows[leg >> 96]

    def whole(self, leg: int) -> int:
        """The leg with programme and version in the place of its row's number."""
        return self.rows[leg >> 96].key << 96 | leg & LOW_BITS

    def check_in_force(self, index: int, row: Row, at: int) -> None:
        if not row.start <= at < row.until:
            raise refusal("TermsNotInForce", index, row.book.number, row.key & 0xFFFF, at)

    def check_issuer(self, turn: Turn, book: Book) -> None:
        if turn.merchant != book.issuer:
            raise refusal("IssuerMismatch", turn.index, turn.merchant, book.issuer)

    def end_of(self, index: int, book: Book, epoch: int) -> int:
        if not 1 <= epoch <= len(book.ends):
            raise refusal("EpochUnknown", index, book.number, epoch)
        return book.ends[epoch - 1]

    def check_open(self, index: int, book: Book, epoch: int, at: int) -> None:
        end = self.end_of(index, book, epoch)
        if at >= end:
            raise refusal("EpochEnded", index, book.number, epoch, end)

    def require_proven(self, index: int, batch: int, proof: Sequence[bytes], leaf: bytes) -> None:
        if not verify(leaf, proof, self.state.roots.get(batch, bytes(32))):
            raise refusal("OriginalNotProven", index, batch, leaf)

    def reverse(self, index: int, key: bytes, amount: int, most: int) -> int:
        """Reversals of one original sum to at most the original; returns what was reversed before."""
        before = self.state.reversed.get(key, 0)
        if before + amount > most:
            raise refusal("OriginalExceeded", index, before + amount, most)
        self.state.reversed[key] = before + amount
        return before

    # Effects

    def accrue(self, turn: Turn, book: Book, micros: int) -> None:
        if turn.merchant != book.issuer:
            book.owed += micros
            turn.credit += micros

    def place(self, turn: Turn, at: int, detail: int, words: Sequence[int | bytes]) -> int:
        """The operation takes its place under its leaf; returns the head of its event."""
        self.leaves[turn.index] = keccak256(b"".join(word(w) for w in words))
        head = self.number << 192 | turn.index << 160 | turn.merchant << 96 | at << 56 | detail
        turn.index += 1
        return head

    def emit(self, name: str, *values: Any) -> None:
        self.logs.append(log_of(self.state.site.house, name, (), values))

    def flush(self, kind: str) -> None:
        """All collected moves of one kind, programme by programme; a debit never goes below zero."""
        for book in (row.book for row in self.rows):
            for index, account, epoch, amount in book.moves:
                self._move(book.number, (index, account, epoch), amount, kind)
            book.moves.clear()

    def _move(self, programme: int, what: tuple[int, bytes, int], amount: int, kind: str) -> None:
        index, account, epoch = what
        lots, key = self.state.lots, (account, programme, epoch)
        if CREDITS.get(kind, -1) < 0 and lots[key] < amount:
            raise refusal("AlliancePointsInsufficientBalance", index, account, epoch, lots[key], amount)
        lots[key] += amount * CREDITS.get(kind, -1)
        for counted in (epoch, 0) if kind in CREDITS else ():
            self.state.counters[programme, counted, kind] += amount

    def credit(self, programme: int, account: bytes, epoch: int, amount: int) -> None:
        self.state.lots[account, programme, epoch] += amount

    # Closing

    def close(self, slices: Sequence[Any]) -> None:
        """Every slice is its merchant's own word; nets are written, the root stands."""
        state = self.state
        for turn, piece in zip(self.turns, slices, strict=True):
            leaves = self.leaves[turn.first : turn.index]
            digest = state.site.house_domain.digest(slice_struct_hash(self.number, turn.merchant, leaves))
            if recover_address(digest, piece[1]) != turn.key:
                raise refusal("SliceSignatureInvalid", turn.merchant, digest)
        for row in self.rows:
            state.nets[state.period, row.book.issuer] -= row.book.owed
            row.book.owed = 0
        for turn in self.turns:
            state.nets[state.period, turn.merchant] += turn.credit
        root = root_of(self.leaves)
        state.last_batch, state.roots[self.number] = self.number, root
        closed = log_of(
            state.site.house, "BatchApplied", (self.number, state.period), (len(self.leaves), root)
        )
        self.logs.append(closed)
