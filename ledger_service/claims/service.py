"""Filing, matching, granting and refusing claims; each command in the caller's unit of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from ledger_service.claims import rules
from ledger_service.claims.errors import ClaimDecided, ClaimLimitReached, ClaimUnknown, ReceiptClaimed
from ledger_service.claims.models import claim, claim_event, claim_policy
from ledger_service.claims.ports import Receipt, SaleFinder
from ledger_service.claims.queries import WAITS
from ledger_service.claims.requests import FileClaim, Grant, Said
from ledger_service.claims.rules import ClaimPolicy, Match
from ledger_service.db.bulk import sql_of
from ledger_service.members.devices import lock_member
from ledger_service.members.models import member
from ledger_service.merchants.errors import StoreUnknown
from ledger_service.merchants.models import merchant
from ledger_service.merchants.queries import find_store
from ledger_service.points.adjustments import Asked
from ledger_service.points.models import adjustment
from ledger_service.points.receipts.book import others_without_sale, stand_for
from ledger_service.points.receipts.rules import Paper
from ledger_service.points.requests import AskAdjustment
from ledger_service.points.service import PointsService

_C = claim.c
SERVICE = "service"
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class ClaimsService:
    """Commands on claims; ``sales`` knows what stands behind a receipt."""

    points: PointsService
    sales: SaleFinder

    def file(self, conn: Connection, claim_id: bytes, request: FileClaim, said: Said) -> None:
        """The claim stands, and is matched at once where its sale is known.

        Raises:
            MemberUnknown, MemberFrozen: nobody who may claim. StoreUnknown: no such store.
            ClaimTooLate: the sale is too long ago. ClaimLimitReached: too many in thirty days.
            ReceiptClaimed: somebody has claimed it already.

        Locks: the member's row, then the merchant's. Idempotency: by ``claim_id``.
        """
        owner = lock_member(conn, request.member_number)
        place = find_store(conn, request.store_gln)
        if place is None:
            raise StoreUnknown
        policy = policy_of(conn, place.merchant_id)
        rules.check_day(request.sold_on, place.timezone, policy, said.at)
        self._check_limits(conn, owner["member_id"], place.merchant_id, policy, said.at)
        receipt = Receipt(
            place.merchant_id, place.gln, place.timezone, request.sold_on, request.reference,
            request.amount_minor, request.code,
        )  # fmt: skip
        row = _row(claim_id, owner["member_id"], receipt, (policy, said.at))
        # Insert first, look afterwards: of two that race the later one waits, and writes nothing.
        sql_of(claim, conn).insert(conn, [row], or_ignore=True)
        if conn.execute(select(_C.state).where(_C.claim_id == claim_id)).first() is None:
            raise ReceiptClaimed
        _note(conn, claim_id, "filed", None, said)
        self._match(conn, row, said.at)

    def grant(self, conn: Connection, claim_id: bytes, grant: Grant, said: Said) -> bytes:
        """Points are asked for as the answer; a second person approves the adjustment, whose id this returns.

        Raises:
            ClaimUnknown, ClaimDecided: nothing to answer.
            MemberUnknown, ProgrammeUnknown, AdjustmentLimitReached: as for any adjustment.
            ReceiptClaimed: the sale has earned for a member, or another answer stands for the receipt.

        Locks: the claim, then what asking for an adjustment locks.
        """
        row = _locked(conn, claim_id, grant.merchant_id)
        self._must_be_open(conn, row)
        number = conn.execute(
            select(member.c.member_number).where(member.c.member_id == row["member_id"])
        ).scalar_one()
        asked = AskAdjustment(
            number or "", grant.programme, grant.points, "claim", grant.note, row["merchant_id"],
            claim_id=claim_id,
        )  # fmt: skip
        adjustment_id = self.points.ask_in(conn, asked, Asked(said.by, said.key, said.at))
        # Last and under the seller's lock: a sale that joins a member meanwhile sees the adjustment, or we
        # see the member.
        receipt = receipt_of(dict(row))
        sale_id = self._sale_to_answer(conn, row, receipt)
        stand_for(conn, adjustment_id, paper_of(receipt), sale_id)
        _change(conn, claim_id, state="asked", reason=None, adjustment_id=adjustment_id, sale_id=sale_id)
        _note(conn, claim_id, "asked", None, said)
        return adjustment_id

    def refuse(
        self, conn: Connection, claim_id: bytes, reason: str, said: Said, merchant_id: int | None = None
    ) -> None:
        """The claim is refused for a reason, and its receipt may be claimed again.

        Raises:
            ClaimUnknown, ClaimDecided: nothing to answer.

        Locks: the claim.
        """
        row = _locked(conn, claim_id, merchant_id)
        self._must_be_open(conn, row)
        _change(conn, claim_id, state="refused", reason=reason)
        _note(conn, claim_id, "refused", reason, said)

    def match_some(self, conn: Connection, at: datetime) -> int:
        """Open claims are looked for again, since tills hand in sales late: a job's step. How many."""
        due = (_C.state == "open") & (_C.try_again_at <= at) & (_C.answer_due_at > at)
        chosen = select(claim).where(due).order_by(_C.try_again_at, _C.claim_id).limit(_AT_ONCE)
        rows = conn.execute(chosen.with_for_update(skip_locked=True)).mappings().all()
        for row in rows:
            self._match(conn, dict(row), at)
        return len(rows)

    def escalate_some(self, conn: Connection, at: datetime) -> int:
        """Claims whose answer is overdue are the operator's to see; a job's step. Returns how many."""
        late = WAITS & (_C.answer_due_at <= at) & _C.escalated_at.is_(None)
        chosen = select(_C.claim_id).where(late).order_by(_C.answer_due_at, _C.claim_id).limit(_AT_ONCE)
        found = list(conn.execute(chosen.with_for_update(skip_locked=True)).scalars())
        for claim_id in found:
            _change(conn, claim_id, escalated_at=at)
            _note(conn, claim_id, "escalated", None, Said(SERVICE, "", at))
        return len(found)

    def _match(self, conn: Connection, row: Mapping[str, Any], at: datetime) -> None:
        receipt = receipt_of(row)
        # Of two receipts that may be of one sale, the second finds the first one's match.
        its = select(merchant.c.merchant_id).where(merchant.c.merchant_id == receipt.merchant_id)
        conn.execute(its.with_for_update(key_share=True))
        found = self.sales(conn, receipt)
        claimed = len(found) == 1 and is_claimed(conn, found[0].sale_id, row["claim_id"])
        match = rules.match_of(found, receipt, claimed=claimed)
        values: dict[str, Any] = {"state": match.state, "reason": match.reason}
        _change(conn, row["claim_id"], **values, try_again_at=at + rules.TRY_AGAIN, **_of_sale(match))
        if (match.state, match.reason) != (row["state"], row["reason"]):
            _note(conn, row["claim_id"], match.state, match.reason, Said(SERVICE, "", at))

    def _sale_to_answer(self, conn: Connection, row: RowMapping, receipt: Receipt) -> bytes | None:
        """The sale that the answer stands for; None where it has not come, or could be one of several.

        No more answers stand for a number than there are receipts with it.
        """
        found = self.sales(conn, receipt)
        known: bytes | None = row["sale_id"]
        if known is not None:
            if any(one.has_member for one in found if one.sale_id == known):
                raise ReceiptClaimed
            return known
        free = [
            one for one in found
            if not one.has_member and not is_claimed(conn, one.sale_id, row["claim_id"])
        ]  # fmt: skip
        if (found and not free) or (not found and self._earned_next_day(conn, receipt)):
            raise ReceiptClaimed
        if others_without_sale(conn, paper_of(receipt)) >= max(1, len(free)):
            raise ReceiptClaimed
        return free[0].sale_id if len(free) == 1 else None

    def _earned_next_day(self, conn: Connection, receipt: Receipt) -> bool:
        """Whether it is a receipt of the day before or after that has a member: one errs around midnight."""
        near = [replace(receipt, sold_on=receipt.sold_on + timedelta(days=days)) for days in (-1, 1)]
        found = [one for shown in near for one in self.sales(conn, shown)]
        return any(one.has_member and one.total_minor == receipt.amount_minor for one in found)

    def _check_limits(
        self, conn: Connection, member_id: int, merchant_id: int, policy: ClaimPolicy, at: datetime
    ) -> None:
        mine = (_C.member_id == member_id) & (_C.filed_at > at - rules.MONTH)
        filed = list(conn.execute(select(_C.merchant_id).where(mine)).scalars())
        if len(filed) >= rules.MOST_A_MONTH:
            raise ClaimLimitReached(rules.MOST_A_MONTH)
        if filed.count(merchant_id) >= policy.per_member_month:
            raise ClaimLimitReached(policy.per_member_month)

    def _must_be_open(self, conn: Connection, row: RowMapping) -> None:
        its = select(adjustment.c.state).where(adjustment.c.adjustment_id == row["adjustment_id"])
        decided = conn.execute(its).scalar_one_or_none()
        state = rules.shown_state(row["state"], decided, escalated=False)
        if state not in rules.UNANSWERED:
            raise ClaimDecided(state)


def policy_of(conn: Connection, merchant_id: int) -> ClaimPolicy:
    """The terms of the merchant; the usual ones where it has set none."""
    row = conn.execute(select(claim_policy).where(claim_policy.c.merchant_id == merchant_id)).one_or_none()
    return ClaimPolicy() if row is None else ClaimPolicy(*row[1:])


def set_policy(conn: Connection, merchant_id: int, policy: ClaimPolicy) -> None:
    """The merchant takes claims on these terms from now on."""
    values = {
        "claim_days": policy.claim_days, "answer_days": policy.answer_days,
        "per_member_month": policy.per_member_month,
    }  # fmt: skip
    mine = update(claim_policy).where(claim_policy.c.merchant_id == merchant_id)
    if not conn.execute(mine.values(values)).rowcount:
        sql_of(claim_policy, conn).insert(conn, [{"merchant_id": merchant_id, **values}])


def forget_member(conn: Connection, member_id: int, at: datetime) -> None:
    """The erased member's claims keep no receipt, and those that wait are refused (D15)."""
    mine = _C.member_id == member_id
    waiting = select(_C.claim_id).where(mine, _C.state.in_(rules.UNANSWERED)).order_by(_C.claim_id)
    for claim_id in list(conn.execute(waiting).scalars()):
        _change(conn, claim_id, state="refused", reason="erased")
        _note(conn, claim_id, "refused", "erased", Said(SERVICE, "", at))
    conn.execute(update(claim).where(mine).values(reference="", code=None))


def _row(
    claim_id: bytes, member_id: int, receipt: Receipt, terms: tuple[ClaimPolicy, datetime]
) -> dict[str, Any]:
    policy, at = terms
    return {
        "claim_id": claim_id, "member_id": member_id, "merchant_id": receipt.merchant_id,
        "store_gln": receipt.store_gln, "timezone": receipt.timezone, "sold_on": receipt.sold_on.isoformat(),
        "reference": receipt.reference, "amount_minor": receipt.amount_minor, "code": receipt.code,
        "receipt_key": rules.receipt_key(receipt), "sale_id": None, "programme_id": None, "points": None,
        "state": "open", "reason": None, "adjustment_id": None, "filed_at": at,
        "answer_due_at": rules.due_at(policy, at), "try_again_at": at, "escalated_at": None,
    }  # fmt: skip


def receipt_of(row: Mapping[str, Any]) -> Receipt:
    """The receipt that a row of ``claim`` tells of."""
    return Receipt(
        row["merchant_id"], row["store_gln"], row["timezone"], date.fromisoformat(row["sold_on"]),
        row["reference"], row["amount_minor"], row["code"],
    )  # fmt: skip


def paper_of(receipt: Receipt) -> Paper:
    """The receipt as points know it."""
    return Paper(
        receipt.merchant_id, receipt.store_gln, receipt.sold_on, receipt.amount_minor, receipt.reference,
        receipt.code,
    )  # fmt: skip


def _of_sale(match: Match) -> dict[str, Any]:
    if match.sale is None:
        return {}
    best = max(match.sale.points.items(), key=lambda pair: (pair[1], -pair[0]), default=(None, None))
    return {"sale_id": match.sale.sale_id, "programme_id": best[0], "points": best[1]}


def is_claimed(conn: Connection, sale_id: bytes, besides: bytes) -> bool:
    """Whether another claim than ``besides``, which is not refused, is of this sale."""
    its = (_C.sale_id == sale_id) & (_C.state != "refused") & (_C.claim_id != besides)
    return conn.execute(select(_C.claim_id).where(its)).first() is not None


def _locked(conn: Connection, claim_id: bytes, merchant_id: int | None) -> RowMapping:
    its = select(claim).where(_C.claim_id == claim_id).with_for_update()
    row = conn.execute(its).mappings().one_or_none()
    if row is None or (merchant_id is not None and row["merchant_id"] != merchant_id):
        raise ClaimUnknown
    return row


def _change(conn: Connection, claim_id: bytes, **values: Any) -> None:
    conn.execute(update(claim).where(_C.claim_id == claim_id).values(**values))


def _note(conn: Connection, claim_id: bytes, kind: str, reason: str | None, said: Said) -> None:
    mine = claim_event.c.claim_id == claim_id
    position = conn.execute(select(func.count()).select_from(claim_event).where(mine)).scalar_one()
    row = {"claim_id": claim_id, "position": position, "kind": kind, "reason": reason}
    sql_of(claim_event, conn).insert(conn, [{**row, "by_whom": said.by, "at": said.at}])
