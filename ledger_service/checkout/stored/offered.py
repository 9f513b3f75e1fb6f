"""What is sold under a printed code of what is paid for, and the member it is sold to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.coupons.codes.models import coupon_code, coupon_code_list
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.terms.values import Terms
from ledger_service.kernel.clock import micros_of
from ledger_service.members.models import member


@dataclass(frozen=True, slots=True)
class Offered:
    """What is sold under a code: terms in force, and whose law and guarantee stand behind it."""

    definition_id: int
    terms: Terms | None
    jurisdiction: str
    guarantee: str | None


def offered_under(
    conn: Connection, catalogue: CouponCatalogueCache, tag: bytes, at: datetime
) -> Offered | None:
    """What the code with this tag sells then; None where no list has it."""
    code, listed, d = coupon_code.c, coupon_code_list.c, coupon_definition.c
    joined = coupon_code.join(coupon_code_list, listed.list_id == code.list_id)
    joined = joined.join(coupon_definition, d.definition_id == listed.definition_id)
    found = select(d.definition_id, d.jurisdiction, d.guarantee).select_from(joined)
    row = conn.execute(found.where(code.tag == tag)).one_or_none()
    if row is None:
        return None
    definition = catalogue.current().definitions.get(row.definition_id)
    terms = None if definition is None else definition.in_force(micros_of(at))
    return Offered(row.definition_id, terms, row.jurisdiction, row.guarantee)


def buyer_of(conn: Connection, number: str | None) -> int | None:
    """The row number of the member of this number; None where none is named, or nobody has it."""
    if number is None:
        return None
    found = select(member.c.member_id).where(member.c.member_number == number)
    return conn.execute(found).scalar_one_or_none()
