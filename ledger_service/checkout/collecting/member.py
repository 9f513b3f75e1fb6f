"""A member's receipts added up anew: rewards that fell go back, and what is reached is granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, update

from ledger_service.checkout.archive_errors import SaleArchived
from ledger_service.checkout.attach.command import SALE
from ledger_service.checkout.collecting import counting
from ledger_service.checkout.collecting.models import spend_mark, spend_receipt, spend_reward
from ledger_service.checkout.collecting.rules import GRANTED, Goal, Receipt, reached, stands
from ledger_service.checkout.collecting.taking import SERVICE, Taking, uses_of
from ledger_service.checkout.records import SaleRecord, record_of
from ledger_service.coupons.definitions.catalogue import CouponCatalogue, Definition
from ledger_service.coupons.terms.values import Reward, Terms
from ledger_service.coupons.terms.windows import expires_at
from ledger_service.coupons.wallet.claiming import grant
from ledger_service.coupons.wallet.moves import COUPON, Act
from ledger_service.coupons.wallet.rules import Offer
from ledger_service.db.flush import flush
from ledger_service.db.workset import Draft, Load, Workset, load_by
from ledger_service.kernel.ids import derive_id
from ledger_service.members.consents.service import Said, Use, read_where_standing
from ledger_service.points.catalogue import Catalogue
from ledger_service.points.issuance import STANDING_OF_MEMBER
from ledger_service.points.parties import MEMBER_BY_ID, Holder

MARKS: Load = load_by(spend_mark, "member_id")
RECEIPTS: Load = load_by(spend_receipt, "member_id")
REWARDS: Load = load_by(spend_reward, "member_id")
# The purpose that a consent must name for receipts of another merchant to count.
PURPOSE = "marketing"
# When a reward is looked at again whose coupon a hold reserves.
LATER = timedelta(hours=1)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Books:
    """What members are judged by: coupons, programmes, and the currency's exponent."""

    coupons: CouponCatalogue
    points: Catalogue
    exponent: int


def add_up(conn: Connection, member_id: int, books: Books, at: datetime) -> None:
    """The member's rewards are what its receipts say, and its marks are gone, in the caller's unit of work.

    Idempotency: without a mark nothing is done. Locks: the member.
    Invariants: a receipt serves one reward at most.
    """
    work = Workset(conn)
    work.lock([MEMBER_BY_ID.of(member_id)])
    work.load([MARKS.of(member_id)])
    marks, member = work.find(MARKS, member_id), work.one(MEMBER_BY_ID, member_id)
    if not marks:
        return
    waits = False
    # A household has no wallet, and who is erased gets nothing any more.
    if member is not None and member["status"] != "erased" and not member["household"]:
        waits = _Member(conn, Holder.of(member), books, at).add_up(marks)
    done = spend_mark.c.cause_id.in_([one["cause_id"] for one in marks])
    if waits:
        conn.execute(update(spend_mark).where(done).values(due_at=at + LATER))
    else:
        conn.execute(delete(spend_mark).where(done))


@dataclass(frozen=True, slots=True)
class _Member:
    conn: Connection
    holder: Holder
    books: Books
    at: datetime

    def add_up(self, marks: list[Row]) -> bool:
        """Whether a reward waits for the end of a hold."""
        member_id = self.holder.member_id
        work = Workset(self.conn)
        work.load([RECEIPTS.of(member_id), REWARDS.of(member_id), STANDING_OF_MEMBER.of(member_id)])
        work.load([SALE.of(one["sale_id"]) for one in marks])
        standing = [one for one in work.find(REWARDS, member_id) if one["state"] == GRANTED]
        work.load([COUPON.of(one["reward_id"]) for one in standing])
        records = [record for one in marks if (record := self._record(work, one["sale_id"])) is not None]
        rows = (work.get(COUPON.table, one["reward_id"]) for one in standing)
        work.load([need for row in rows if row is not None for need in uses_of(row)])
        work.load([need for record in records for need in counting.needs(record)])
        draft = Draft(work)
        for record in records:
            self._count(draft, record)
        # What a reward leaves is free for another one once that is written: the index allows no sale twice.
        busy = {row["sale_id"] for row in draft.find(RECEIPTS, member_id) if row["reward_id"] is not None}
        waiting = [self._stand(draft, one, busy) for one in sorted(standing, key=_oldest)]
        self._write(work, draft)
        again = Workset(self.conn)
        again.load([RECEIPTS.of(member_id), REWARDS.of(member_id)])
        draft = Draft(again)
        self._grant(draft)
        self._write(again, draft)
        return True in waiting

    def _record(self, work: Workset, sale_id: bytes) -> SaleRecord | None:
        row = work.get(SALE.table, sale_id)
        if row is None or row["member_id"] != self.holder.member_id:
            return None
        try:
            return record_of(row)
        except SaleArchived:
            return None

    def _write(self, work: Workset, draft: Draft) -> None:
        draft.absorb()
        flush(self.conn, work, self.at)

    def _count(self, draft: Draft, record: SaleRecord) -> None:
        """What the receipt counts for each definition, by the terms that it counted by before, if it did."""
        catalogue = self.books.coupons
        definitions = catalogue.rewarding.get(record.merchant_id, ())
        for definition in definitions:
            key = record.sale_id, definition.definition_id
            before = next((r for r in draft.find(RECEIPTS, self.holder.member_id) if _key(r) == key), None)
            if before is not None:
                terms = catalogue.terms(definition.definition_id, before["version"])
                minor = counting.kept_minor(draft, catalogue, terms, record)
                draft.change(spend_receipt, key, minor=minor)
            elif (new := counting.terms_for(definition, record)) is not None and self._may_read(record, new):
                draft.add(spend_receipt, {
                    "sale_id": record.sale_id, "definition_id": new.definition, "version": new.version,
                    "member_id": self.holder.member_id, "sold_at": record.occurred_at,
                    "minor": counting.kept_minor(draft, catalogue, new, record), "reward_id": None,
                })  # fmt: skip

    def _may_read(self, record: SaleRecord, terms: Terms) -> bool:
        """Whether the receipt is the owner's own, or the member lets the owner read it, which is noted."""
        if record.merchant_id == terms.merchant:
            return True
        use, said = Use(record.merchant_id, terms.merchant, PURPOSE), Said(SERVICE, self.at)
        return bool(read_where_standing(self.conn, self.holder.member_id, [use], ("spend-reward", said)))

    def _stand(self, draft: Draft, reward: Row, busy: set[bytes]) -> bool:
        """The reward stands on its receipts and on free ones, or goes back; whether that must wait."""
        rows, definition = draft.find(RECEIPTS, self.holder.member_id), reward["definition_id"]
        mine = [row for row in rows if row["reward_id"] == reward["reward_id"]]
        free = [r for r in rows if r["definition_id"] == definition and r["sale_id"] not in busy]
        goal = Goal(reward["spend_minor"], reward["days"])
        added = stands([_receipt(row) for row in mine], [_receipt(row) for row in free], goal)
        for one in added or ():
            draft.change(spend_receipt, (one.sale_id, definition), reward_id=reward["reward_id"])
            busy.add(one.sale_id)
        if added is not None:
            return False
        terms = self.books.coupons.terms(definition, reward["version"])
        taking = Taking(self.holder, self.at, self.books.points, self.books.exponent)
        if not taking.back(draft, reward, terms):
            return True
        for row in mine:
            draft.change(spend_receipt, _key(row), reward_id=None)
        return False

    def _grant(self, draft: Draft) -> None:
        """Whatever free receipts reach is granted, of several the one with the highest spend first."""
        rows = draft.find(RECEIPTS, self.holder.member_id)
        named = {row["definition_id"] for row in rows}
        definitions = self.books.coupons.definitions
        live = [terms for key in named if (terms := _live(definitions[key], self.at)) is not None]
        for terms in sorted(live, key=lambda one: (-_goal(one).spend_minor, one.definition)):
            while self._grant_one(draft, terms):
                pass

    def _grant_one(self, draft: Draft, terms: Terms) -> bool:
        """The next reward of a definition is granted; False where no receipts reach it."""
        member_id = self.holder.member_id
        rewards = [r for r in draft.find(REWARDS, member_id) if r["definition_id"] == terms.definition]
        most = terms.most_per_member
        if most is not None and sum(one["state"] == GRANTED for one in rewards) >= most:
            return False
        rows, goal = draft.find(RECEIPTS, member_id), _goal(terms)
        used = {row["sale_id"] for row in rows if row["reward_id"] is not None}
        own = [row for row in rows if row["definition_id"] == terms.definition]
        found = reached((_receipt(row) for row in own if row["sale_id"] not in used), goal)
        if not found:
            return False
        reward_id = derive_id("spend reward", terms.definition, found[-1].sale_id, len(rewards))
        offer = Offer(terms.definition, terms.version, expires_at(terms.window, self.at))
        grant(draft, offer, Act(reward_id, member_id, SERVICE, self.at), None)
        draft.add(spend_reward, {
            "reward_id": reward_id, "definition_id": terms.definition, "version": terms.version,
            "member_id": member_id, "spend_minor": goal.spend_minor, "days": goal.days, "state": GRANTED,
            "granted_at": self.at, "ended_at": None, "minor": 0, "points": 0,
        })  # fmt: skip
        for one in found:
            draft.change(spend_receipt, (one.sale_id, terms.definition), reward_id=reward_id)
        return True


def _live(definition: Definition, at: datetime) -> Terms | None:
    """The terms by which a reward is granted now; None where the definition gives none any more."""
    terms = counting.in_force(definition, at)
    if terms is None:
        return None
    ends_at = expires_at(terms.window, at)
    return None if ends_at is not None and ends_at <= at else terms


def _goal(terms: Terms) -> Goal:
    if not isinstance(terms.benefit, Reward):
        raise TypeError("no reward")
    return Goal(terms.benefit.spend_minor, terms.benefit.days)


def _receipt(row: Row) -> Receipt:
    return Receipt(row["sale_id"], row["sold_at"], row["minor"])


def _key(row: Row) -> tuple[bytes, int]:
    return row["sale_id"], row["definition_id"]


def _oldest(row: Row) -> tuple[datetime, bytes]:
    return row["granted_at"], row["reward_id"]
