"""Erasure of a member in every room at once, and who was erased, for the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from ledger_service.care.cases import forget_member as forget_cases
from ledger_service.checkout.invoice_book import forget_carriers
from ledger_service.checkout.once import forget_answers
from ledger_service.claims.service import forget_member as forget_claims
from ledger_service.members.accounts import forget_salts
from ledger_service.members.consents.service import forget_member as forget_consents
from ledger_service.members.models import former_account, member
from ledger_service.members.segments.service import forget_member as forget_segments
from ledger_service.points.adjustments import forget_member as forget_notes
from ledger_service.referrals.rewards.following import forget_member as forget_sharing
from ledger_service.risk.appeals import forget_member as forget_appeals
from ledger_service.risk.staff import forget_member as forget_staff

_M = member.c
AT_ONCE = 1_000
# The members room's part, for a number at an instant: identities, cards and salts are gone; the row's number.
EraseMember = Callable[[Connection, str, datetime], int]


class Erased(NamedTuple):
    """One erasure, as the journal keeps it."""

    member_id: int
    enrolled_at: datetime
    at: datetime


def erase_everywhere(conn: Connection, erase_member: EraseMember, member_number: str, at: datetime) -> int:
    """Whatever is personal of the member is destroyed in every room; bookings and proofs stand.

    Coupons stay with a holder whom nobody is; items that it claimed, sales and points name a row number.

    Returns:
        The member's id.

    Raises:
        MemberUnknown: no such number, or erased before.
    """
    member_id = erase_member(conn, member_number, at)
    # Whoever became this member by a merge is the same person, and some rooms know it by its old row number.
    for same in (member_id, *(one.member_id for one in merged_into(conn, [Erased(member_id, at, at)]))):
        _forget(conn, same, at)
    return member_id


def _forget(conn: Connection, member_id: int, at: datetime) -> None:
    rooms = (
        forget_carriers, forget_appeals, forget_staff, forget_cases, forget_notes, forget_segments,
        forget_salts,
    )  # fmt: skip
    for forget in rooms:
        forget(conn, member_id)
    forget_answers(conn, f"member:{member_id}")
    for forget_at in (forget_claims, forget_sharing, forget_consents):
        forget_at(conn, member_id, at)


def erased_since(conn: Connection, since: datetime, after: int, most: int = AT_ONCE) -> list[Erased]:
    """Erasures in the order of their instants, those of ``since`` from behind the member ``after``.

    Who was merged into another member has not asked to be forgotten; ``merged_into`` finds it once that one
    has.
    """
    behind = (_M.erased_at > since) | ((_M.erased_at == since) & (_M.member_id > after))
    merged = select(former_account.c.account).where(former_account.c.reason == "merge")
    its = select(_M.member_id, _M.created_at, _M.erased_at).where(
        _M.erased_at.is_not(None), behind, _M.account.not_in(merged), _M.household.is_(None)
    )  # fmt: skip
    rows = conn.execute(its.order_by(_M.erased_at, _M.member_id).limit(most))
    return [Erased(*row) for row in rows]


def merged_into(conn: Connection, erased: Sequence[Erased]) -> list[Erased]:
    """Whoever became one of these members by a merge, however many merges ago: erased when that one was.

    A backup of before the merge knows the same person by the row that closed.
    """
    found: list[Erased] = []
    at = {one.member_id: one.at for one in erased}
    joined = former_account.join(member, _M.account == former_account.c.account)
    into = former_account.c.member_id
    its = select(_M.member_id, _M.created_at, into.label("into")).select_from(joined)
    while at:
        rows = conn.execute(its.where(former_account.c.reason == "merge", into.in_(list(at)))).all()
        some = [Erased(row.member_id, row.created_at, at[row.into]) for row in rows]
        found += some
        at = {one.member_id: one.at for one in some}
    return found


def still_there(conn: Connection, erased: Sequence[Erased]) -> list[str]:
    """Numbers of those members that a restored database still knows."""
    enrolled = {one.member_id: one.enrolled_at for one in erased}
    its = select(_M.member_id, _M.created_at, _M.member_number).where(
        _M.member_id.in_(list(enrolled)), _M.member_number.is_not(None), _M.household.is_(None)
    )
    # A row number that somebody else got after the restore is not that of the journal.
    return [row.member_number for row in conn.execute(its) if row.created_at == enrolled[row.member_id]]
