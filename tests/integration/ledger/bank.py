"""A small world for the ledger's tests: members, commands that move points, a clock that stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.workset import Draft, Need, Workset, load_by
from ledger_service.db.writer import Writer
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.points import Leg
from ledger_service.ledger.book import Book, lots_of
from ledger_service.ledger.holds import HOLD, HoldAct, NewHold, capture, expire, extend, open_hold, release
from ledger_service.ledger.models import account
from ledger_service.ledger.rules import (
    Account,
    Movement,
    Part,
    SystemKind,
    ledger_base_of,
    member_account,
    system_account,
)
from ledger_service.members.models import member

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PROGRAMME, EPOCH, SHOP = 1, 9, 4006381333931
MEMBER = load_by(member, "member_id")


class StandingClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


def op(*parts: str | int) -> bytes:
    """The op_id of a test's operation."""
    return derive_id("test", *parts)


def open_members(database: Database, ids: Iterable[int]) -> None:
    """The members and their accounts exist."""
    ids = list(ids)
    with database.begin() as conn:
        conn.execute(member.insert(), [
            {"member_id": i, "status": "active", "custody": "device", "ledger_base": ledger_base_of(i),
             "created_at": START} for i in ids
        ])  # fmt: skip
        conn.execute(account.insert(), [
            {"account_id": ledger_base_of(i) + part, "kind": part.name.lower(), "member_id": i}
            for i in ids for part in Part
        ])  # fmt: skip


def side(member_id: int, part: Part = Part.AVAILABLE) -> Account:
    return member_account(member_id, ledger_base_of(member_id), part)


@dataclass
class Move(BookCommand[int]):
    """Move points between parts of members and the world outside; answers the points moved."""

    op_id: bytes
    kind: str
    moves: Sequence[Movement]
    occurred_at: datetime = START

    def members(self) -> list[int]:
        return [a.member_id for m in self.moves for a in (m.source, m.destination) if a.member_id is not None]

    def locks(self, view: Workset) -> Iterable[Need]:
        return [MEMBER.of(i) for i in self.members()]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        return [lots_of(i) for i in self.members()]

    def apply(self, draft: Draft) -> int:
        Book(draft).entry(self.op_id, self.kind, self.occurred_at, {"test": True}, self.moves)
        return sum(m.amount for m in self.moves)


def issue(op_id: bytes, member_id: int, amount: int, epoch: int = EPOCH, at: datetime = START) -> Move:
    source = system_account(SystemKind.ISSUANCE, PROGRAMME)
    return Move(op_id, "issue", [Movement(source, side(member_id), PROGRAMME, epoch, amount)], at)


def redeem(op_id: bytes, member_id: int, amount: int, epoch: int = EPOCH, at: datetime = START) -> Move:
    sink = system_account(SystemKind.REDEMPTION, PROGRAMME, SHOP)
    return Move(op_id, "redeem", [Movement(side(member_id), sink, PROGRAMME, epoch, amount)], at)


def transfer(op_id: bytes, giver: int, taker: int, amount: int, epoch: int = EPOCH) -> Move:
    return Move(op_id, "gift", [Movement(side(giver), side(taker), PROGRAMME, epoch, amount)])


@dataclass
class Hold(BookCommand[bytes]):
    """Open a hold over one lot; answers its id."""

    hold_id: bytes
    member_id: int
    amount: int
    legs: tuple[Leg, ...] = ()
    minutes: int = 10

    def locks(self, view: Workset) -> Iterable[Need]:
        return [MEMBER.of(self.member_id)]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        return [lots_of(self.member_id), HOLD.of(self.hold_id)]

    def apply(self, draft: Draft) -> bytes:
        if draft.one(HOLD, self.hold_id):
            return self.hold_id
        open_hold(draft, NewHold(
            self.hold_id, self.member_id, ledger_base_of(self.member_id), SHOP, SHOP, "till-1", START,
            START + timedelta(minutes=self.minutes), START + timedelta(days=3),
            self.legs or (Leg(PROGRAMME, 1, EPOCH, self.amount),), bytes(32), 10**9, {"basket": "b"},
        ), START)  # fmt: skip
        return self.hold_id


@dataclass
class OnHold(BookCommand[bool]):
    """Capture, void, expire or extend; answers whether an entry or event was written."""

    hold_id: bytes
    act: str
    captured: tuple[int, ...] = ()
    final: bool = False
    at: datetime = START + timedelta(minutes=1)
    to: datetime = START
    seen: list[int] = field(default_factory=list)

    def probe(self) -> Iterable[Need]:
        return [HOLD.of(self.hold_id)]

    def locks(self, view: Workset) -> Iterable[Need]:
        row = view.one(HOLD, self.hold_id)
        return [MEMBER.of(row["member_id"])] if row else []

    def reads_first(self, view: Workset) -> Iterable[Need]:
        return [HOLD.of(self.hold_id)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        row = view.one(HOLD, self.hold_id)
        return [lots_of(row["member_id"])] if row else []

    def apply(self, draft: Draft) -> bool:
        act = HoldAct(
            self.hold_id, SHOP, op(self.act, self.hold_id.hex(), str(self.captured), str(self.at)), self.at
        )
        if self.act == "capture":
            return capture(draft, act, self.captured, final=self.final) is not None
        if self.act == "void":
            return release(draft, act, "void") is not None
        if self.act == "expire":
            return expire(draft, act) is not None
        extend(draft, act, self.to)
        return True


def close_and_reopen(writer: Writer, database: Database) -> Writer:
    """A new writer on the same database, as after a restart."""
    writer.close()
    return Writer(database, StandingClock())
