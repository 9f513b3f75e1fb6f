"""Lists and wallets over a real database, with two writers for races."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from ledger_service.coupons.codes.importing import Import, Tally
from ledger_service.coupons.codes.making import ListDesk, NewList
from ledger_service.coupons.codes.models import coupon_code
from ledger_service.coupons.codes.seeds import safe_of, tagger_of
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.wallet import moves
from ledger_service.coupons.wallet.claiming import ClaimCommand, GrantCommand
from ledger_service.coupons.wallet.giving import GiveCommand
from ledger_service.coupons.wallet.models import coupon
from ledger_service.coupons.wallet.moves import Act
from ledger_service.coupons.wallet.requests import Asked, Claim, Giving, Granting, Held
from ledger_service.coupons.wallet.rules import ONCE, Offer
from ledger_service.coupons.wallet.shown import Shown, look, take_up
from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.db.writer import Writer
from ledger_service.kernel.errors import DomainError
from ledger_service.members.models import member
from ledger_service.members.queries import MEMBER_BY_ID
from ledger_service.members.requests import EnrolMember
from ledger_service.merchants.models import merchant
from tests.integration.members.alliance import NOW, Alliance, CountingIds, FixedClock

MERCHANT, DEFINITION, GCN = 9_520_001_000_002, 7, 9_520_001_000_019
PATTERN = "####-####-####-####-*"
SECRET = bytes(range(100, 132))


@dataclass
class StandingOffers:
    """One definition, live, as a test sets it."""

    per_member: int | None = 3
    gift: str = ONCE
    ends_at: datetime | None = field(default_factory=lambda: NOW + timedelta(days=30))
    open: bool = True

    def live(self, definition_id: int, at: datetime) -> Offer | None:
        if not self.open or definition_id != DEFINITION:
            return None
        return Offer(DEFINITION, 1, self.ends_at, self.per_member, self.gift)

    def promised(self, merchant_id: int, code: str, version: int, at: datetime) -> Offer | None:
        return None

    def offered(self, source: str, member_id: int, at: datetime) -> frozenset[int]:
        return frozenset({DEFINITION}) if source == "link" else frozenset()

    def gift_rule(self, definition_id: int, version: int) -> str:
        return self.gift


class UseCommand(BookCommand[bytes]):
    """What a sale does with a coupon: take it up and consume it."""

    def __init__(self, stage: Stage, shown: Shown, member_id: int | None, sale: bytes, at: datetime) -> None:
        self.stage, self.shown, self.member_id, self.sale, self.at = stage, shown, member_id, sale, at

    def locks(self, view: Workset) -> list[Need]:
        own = [] if self.member_id is None else [MEMBER_BY_ID.of(self.member_id)]
        return [*own, *self.shown.locks()]

    def reads_first(self, view: Workset) -> list[Need]:
        return list(self.shown.reads(view))

    def apply(self, draft: Draft) -> bytes:
        found = look(draft, self.shown, self.member_id)
        offer = self.stage.offers.live(found.definition_id, self.at)
        assert offer is not None
        act = Act(self.sale, self.member_id, "terminal:1", self.at)
        coupon_id = take_up(draft, found, offer, act)
        moves.consume(draft, coupon_id, act)
        return coupon_id


class OnCoupon(BookCommand[Any]):
    """Any function of a draft with one coupon in it."""

    def __init__(self, coupon_id: bytes, action: Callable[[Draft], Any]) -> None:
        self.coupon_id, self.action = coupon_id, action

    def reads_first(self, view: Workset) -> list[Need]:
        return [moves.COUPON.of(self.coupon_id)]

    def apply(self, draft: Draft) -> Any:
        return self.action(draft)


class Stage:
    """An alliance with one merchant, one definition, and two writers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.alliance = Alliance(database)
        self.writers = (self.alliance.writer, Writer(database, FixedClock()))
        self.offers = StandingOffers()
        self.desk = ListDesk(database, tagger_of(SECRET), safe_of(SECRET, CountingIds()), CountingIds())
        key = bytes(20)
        row = {"merchant_id": MERCHANT, "name": "M", "status": "active", "admin_key": key,
               "operations_key": key, "settlement_key": key, "created_at": NOW}  # fmt: skip
        named = {"definition_id": DEFINITION, "merchant_id": MERCHANT, "code": "D", "gcn_type": GCN,
                 "names": "{}", "jurisdiction": "US", "created_by": "t", "created_at": NOW}  # fmt: skip
        with database.begin() as conn:
            conn.execute(insert(merchant).values(row))
            conn.execute(insert(coupon_definition).values(named))

    def close(self) -> None:
        for writer in self.writers:
            writer.close()

    def enrol(self) -> tuple[str, int]:
        """A member's number and id."""
        number = self.alliance.enrol(EnrolMember())[0].member_number
        with self.database.read() as conn:
            found = select(member.c.member_id).where(member.c.member_number == number)
            return number, int(conn.execute(found).scalar_one())

    def list_of(self, size: int, name: str = "L", **other: Any) -> list[str]:
        """The codes of a sealed list."""
        given = {"kind": "unique", "pattern": PATTERN} | other
        self.desk.begin(NewList(name, MERCHANT, DEFINITION, GCN, size=size, **given), NOW)
        return list(self.desk.codes(self.desk.generate(name, NOW, lambda *_: None)))

    def take_over(
        self, raw: bytes, name: str = "I", kind: str = "unique"
    ) -> tuple[Tally, list[tuple[int, str]]]:
        """Import bytes into a list."""
        self.desk.begin(NewList(name, MERCHANT, DEFINITION, GCN, kind, 0), NOW)
        bad: list[tuple[int, str]] = []
        reading = Import(self.desk, name, lambda line, reason: bad.append((line, reason)))
        return reading.run(io.BytesIO(raw), NOW), bad

    def shown(self, code: str) -> Shown:
        return Shown(self.desk.tagger.both(code))

    def claim(self, number: str, code: str | None = None, at: datetime = NOW, writer: int = 0) -> Held:
        tags = None if code is None else self.desk.tagger.both(code)
        request = Claim(number, tags, None if tags else DEFINITION, None if tags else "link")
        asked = Asked(f"member:{number}", at)
        return self.writers[writer].submit(ClaimCommand(request, self.offers, asked))

    def grant(self, *numbers: str, reference: str = "campaign") -> int:
        request = Granting(DEFINITION, numbers, reference)
        return self.writers[0].submit(GrantCommand(request, self.offers, Asked("operator:1", NOW)))

    def give(self, giver: str, coupon_id: bytes, recipient: str, writer: int = 0) -> bytes:
        asked = Asked(f"member:{giver}", NOW)
        return self.writers[writer].submit(
            GiveCommand(Giving(giver, coupon_id, recipient), self.offers, asked)
        )

    def use(
        self, shown: Shown, sale: int, member_id: int | None = None, at: datetime = NOW, writer: int = 0
    ) -> bytes:
        return self.writers[writer].submit(UseCommand(self, shown, member_id, sale.to_bytes(16, "big"), at))

    def on(self, coupon_id: bytes, action: Callable[[Draft], Any]) -> Any:
        return self.writers[0].submit(OnCoupon(coupon_id, action))

    def row(self, coupon_id: bytes) -> dict[str, Any]:
        with self.database.read() as conn:
            return dict(conn.execute(select(coupon).where(coupon.c.coupon_id == coupon_id)).mappings().one())

    def count(self, table: Any = coupon_code) -> int:
        with self.database.read() as conn:
            return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned or refused, all started together."""
    results: list[Any] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = calls[index]()
        except DomainError as refusal:
            results[index] = refusal

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
