"""Commands about prefixes: allotted to a merchant, withdrawn; each stands in the book of acts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, text

from ledger_service.traceability.prefixes.errors import GtinOfAnother, PrefixOverlaps, PrefixUnknown
from ledger_service.traceability.prefixes.models import trace_prefix, trace_prefix_act
from ledger_service.traceability.prefixes.rules import check_prefix, prefixes_before, prefixes_over

_P = trace_prefix.c
# Allotments follow each other, so that no two at once overlap; the number is ours alone.
_LOCK = 0x47533150
# Behind every digit, so that a range takes in all that begins with a prefix.
_BEHIND_DIGITS = ":"
# Who acts where no key does.
COMMAND = "command"


def allot(conn: Connection, prefix: object, merchant_id: int, by: str, at: datetime) -> RowMapping:
    """The prefix is the merchant's; what others registered under it before stays, as a conflict.

    Args:
        conn: of the caller, which commits.
        prefix: 4 to 12 digits.
        merchant_id: a merchant that there is.
        by: the subject of the key, or ``COMMAND``.
        at: now.

    Raises:
        MalformedField: no prefix.
        PrefixOverlaps: with one that is allotted, to whomever; so, too, the very same to another.

    Idempotency: the same to the same merchant changes nothing. Locks: other allotments.
    """
    digits = check_prefix(prefix)
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    begins = (_P.prefix >= digits) & (_P.prefix < digits + _BEHIND_DIGITS)
    overlaps = select(trace_prefix).where(or_(_P.prefix.in_(prefixes_before(digits)), begins))
    found = conn.execute(overlaps.order_by(_P.prefix).limit(1)).mappings().first()
    if found is not None and (found["prefix"], found["merchant_id"]) == (digits, merchant_id):
        return found
    if found is not None:
        raise PrefixOverlaps(found["prefix"])
    conn.execute(insert(trace_prefix).values(prefix=digits, merchant_id=merchant_id, allotted_at=at))
    _note(conn, (digits, merchant_id, "allotted"), by, at)
    return conn.execute(select(trace_prefix).where(_P.prefix == digits)).mappings().one()


def withdraw(conn: Connection, prefix: str, by: str, at: datetime) -> int:
    """The prefix is nobody's; returns the merchant whose it was. Products stay.

    Raises:
        PrefixUnknown: it is not allotted.
    """
    gone = delete(trace_prefix).where(_P.prefix == prefix).returning(_P.merchant_id)
    merchant_id = conn.execute(gone).scalar()
    if merchant_id is None:
        raise PrefixUnknown
    _note(conn, (prefix, int(merchant_id), "withdrawn"), by, at)
    return int(merchant_id)


def require_own(conn: Connection, gtin: str, merchant_id: int) -> None:
    """A merchant may register the GTIN: it lies under a prefix of its own, or under nobody's.

    Raises:
        GtinOfAnother: it lies under another merchant's.
    """
    over = select(_P.prefix, _P.merchant_id).where(_P.prefix.in_(prefixes_over(gtin)))
    found = conn.execute(over).first()
    if found is not None and found.merchant_id != merchant_id:
        raise GtinOfAnother(found.prefix)


def _note(conn: Connection, what: tuple[str, int, str], by: str, at: datetime) -> None:
    prefix, merchant_id, act = what
    row = {"prefix": prefix, "merchant_id": merchant_id, "act": act, "done_by": by, "done_at": at}
    conn.execute(insert(trace_prefix_act).values(row))
