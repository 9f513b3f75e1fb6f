"""The part of an export that says how members stand: debts, tiers, coupons, households, claims.

Whoever was erased is in none of these tables; a coupon or claim of theirs is left out with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from ledger_service.claims.models import claim
from ledger_service.coupons.definitions.models import coupon_definition
from ledger_service.coupons.wallet.models import coupon
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.households.models import household, household_mate
from ledger_service.members.models import member
from ledger_service.merchants.business_day import day_text
from ledger_service.moving_in.snapshot import Export, pages
from ledger_service.points.models import member_programme
from ledger_service.tiers.models import member_tier, qualifying_day

STANDINGS = {
    "debts": ("external_id", "programme", "points", "frozen", "frozen_reason"),
    "tiers": ("external_id", "programme", "level", "until_day", "total_minor", "ladder_version"),
    "qualifying": ("external_id", "programme", "year", "day", "amount_minor"),
    "coupons": ("coupon_id", "merchant", "definition", "version", "state", "external_id", "source",
                "claimed_at", "expires_at", "used_by"),
    "households": ("household", "state", "parting", "timezone", "created_at"),
    "household_mates": ("household", "external_id", "role", "state", "spends", "limit_micros", "joined_at",
                        "left_at"),
    "claims": ("claim_id", "external_id", "merchant", "store", "sold_on", "reference", "amount_minor", "code",
               "state", "reason", "programme", "points", "sale_id", "filed_at", "answer_due_at"),
}  # fmt: skip
_NUMBER = member.c.member_number


def standings(told: Export) -> Iterator[str]:
    """The tables of ``STANDINGS`` that this export has are written; gives its name after each page."""
    parts = {"debts": _debts, "tiers": _tiers, "qualifying": _qualifying, "coupons": _coupons,
             "households": _households, "household_mates": _mates, "claims": _claims}  # fmt: skip
    for name, part in parts.items():
        if name in told.tables:
            yield from part(told)


def _with_number(query: Any, of: Any) -> Any:
    return query.add_columns(_NUMBER).join(member, (member.c.member_id == of) & _NUMBER.is_not(None))


def _debts(told: Export) -> Iterator[str]:
    d, table = member_programme.c, told.tables["debts"]
    query = _with_number(select(member_programme), d.member_id).where((d.debt > 0) | d.frozen)
    for page in pages(told.conn, told.of_whom(query, member_programme), [d.member_id, d.programme_id]):
        for row in page:
            table.points[told.programmes[row.programme_id].code] += row.debt
        table.add([
            (row.member_number, told.programmes[row.programme_id].code, str(row.debt),
             "yes" if row.frozen else "no", row.frozen_reason or "")
            for row in page
        ])  # fmt: skip
        yield "debts"


def _tiers(told: Export) -> Iterator[str]:
    t = member_tier.c
    query = _with_number(select(member_tier), t.member_id)
    for page in pages(told.conn, told.of_whom(query, member_tier), [t.member_id, t.programme_id]):
        told.tables["tiers"].sums["total_minor"] += sum(row.total_minor for row in page)
        told.tables["tiers"].add([
            (row.member_number, told.programmes[row.programme_id].code, str(row.level),
             "" if row.until_day is None else day_text(row.until_day), str(row.total_minor),
             str(row.ladder_version))
            for row in page
        ])  # fmt: skip
        yield "tiers"


def _qualifying(told: Export) -> Iterator[str]:
    q = qualifying_day.c
    query = told.of_whom(_with_number(select(qualifying_day), q.member_id), qualifying_day)
    for page in pages(told.conn, query, [q.member_id, q.programme_id, q.year, q.day]):
        told.tables["qualifying"].sums["amount_minor"] += sum(row.amount_minor for row in page)
        told.tables["qualifying"].add([
            (row.member_number, told.programmes[row.programme_id].code, str(row.year), str(row.day),
             str(row.amount_minor))
            for row in page
        ])  # fmt: skip
        yield "qualifying"


def _coupons(told: Export) -> Iterator[str]:
    c = coupon.c
    query = (
        select(coupon, coupon_definition.c.merchant_id, coupon_definition.c.code, _NUMBER)
        .join(coupon_definition, coupon_definition.c.definition_id == c.definition_id)
        .outerjoin(member, member.c.member_id == c.holder)
        .where(c.holder.is_(None) | _NUMBER.is_not(None))
    )
    for page in pages(told.conn, told.of_whom(query, coupon), [c.coupon_id]):
        told.tables["coupons"].add([
            (row.coupon_id.hex(), gln_text(row.merchant_id), row.code, str(row.version), row.state,
             row.member_number or "", row.source or "", format_instant(row.claimed_at),
             _instant(row.expires_at), _hex(row.used_by))
            for row in page
        ])  # fmt: skip
        yield "coupons"


def _households(told: Export) -> Iterator[str]:
    h = household.c
    query = _with_number(select(household), h.household_id)
    for page in pages(told.conn, query, [h.household_id]):
        told.tables["households"].add([
            (row.member_number, row.state, row.parting, row.timezone, format_instant(row.created_at))
            for row in page
        ])  # fmt: skip
        yield "households"


def _mates(told: Export) -> Iterator[str]:
    m, house = household_mate.c, member.alias()
    joined = household_mate.join(member, (member.c.member_id == m.member_id) & _NUMBER.is_not(None)).join(
        house, (house.c.member_id == m.household_id) & house.c.member_number.is_not(None)
    )
    query = select(household_mate, _NUMBER, house.c.member_number.label("house")).select_from(joined)
    for page in pages(told.conn, query, [m.household_id, m.member_id]):
        told.tables["household_mates"].add([
            (row.house, row.member_number, row.role, row.state, row.spends,
             "" if row.limit_micros is None else str(row.limit_micros), _instant(row.joined_at),
             _instant(row.left_at))
            for row in page
        ])  # fmt: skip
        yield "household_mates"


def _claims(told: Export) -> Iterator[str]:
    c, table = claim.c, told.tables["claims"]
    query = told.of_whom(_with_number(select(claim), c.member_id), claim)
    for page in pages(told.conn, query, [c.claim_id]):
        table.sums["amount_minor"] += sum(row.amount_minor for row in page)
        table.add([
            (row.claim_id.hex(), row.member_number, gln_text(row.merchant_id), gln_text(row.store_gln),
             row.sold_on, row.reference, str(row.amount_minor), row.code or "", row.state, row.reason or "",
             "" if row.programme_id is None else told.programmes[row.programme_id].code,
             "" if row.points is None else str(row.points), _hex(row.sale_id), format_instant(row.filed_at),
             format_instant(row.answer_due_at))
            for row in page
        ])  # fmt: skip
        yield "claims"


def _instant(value: Any) -> str:
    return "" if value is None else format_instant(value)


def _hex(value: bytes | None) -> str:
    return "" if value is None else value.hex()
