"""Reading definitions, versions and consents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, RowMapping, select

from ledger_service.coupons.definitions.errors import DefinitionUnknown, VersionUnknown
from ledger_service.coupons.definitions.models import coupon_consent, coupon_definition, coupon_version
from ledger_service.coupons.telling.models import coupon_type
from ledger_service.coupons.terms.text import terms_of
from ledger_service.coupons.terms.values import Stacking, Terms
from ledger_service.db.models import alliance

_D, _V, _C = coupon_definition.c, coupon_version.c, coupon_consent.c


def definition_of(conn: Connection, merchant_id: int, code: str) -> RowMapping | None:
    """The merchant's definition of this code."""
    mine = (_D.merchant_id == merchant_id) & (_D.code == code)
    return conn.execute(select(coupon_definition).where(mine)).mappings().one_or_none()


def the_definition(conn: Connection, merchant_id: int, code: str) -> RowMapping:
    """As ``definition_of``.

    Raises:
        DefinitionUnknown: there is none.
    """
    found = definition_of(conn, merchant_id, code)
    if found is None:
        raise DefinitionUnknown(code)
    return found


def definitions_after(conn: Connection, merchant_id: int, after: int, most: int) -> Sequence[RowMapping]:
    """The merchant's definitions behind an id, ascending."""
    mine = (_D.merchant_id == merchant_id) & (_D.definition_id > after)
    found = select(coupon_definition).where(mine).order_by(_D.definition_id).limit(most)
    return conn.execute(found).mappings().all()


def the_version(conn: Connection, definition_id: int, version: int) -> RowMapping:
    """A version of a definition.

    Raises:
        VersionUnknown: there is none.
    """
    mine = (_V.definition_id == definition_id) & (_V.version == version)
    found = conn.execute(select(coupon_version).where(mine)).mappings().one_or_none()
    if found is None:
        raise VersionUnknown(version)
    return found


def versions_after(conn: Connection, definition_id: int, after: int, most: int) -> Sequence[RowMapping]:
    """The definition's versions behind a number, ascending."""
    mine = (_V.definition_id == definition_id) & (_V.version > after)
    found = select(coupon_version).where(mine).order_by(_V.version).limit(most)
    return conn.execute(found).mappings().all()


def terms_in_force(conn: Connection, definition_id: int, at: datetime) -> Terms | None:
    """What the definition gives then; None where no version has begun, or it is withdrawn."""
    joined = select(_V.body).join(coupon_definition, _D.definition_id == _V.definition_id)
    begun = (_V.definition_id == definition_id) & (_V.live_from <= at)
    stands = _D.withdrawn_at.is_(None) | (_D.withdrawn_at > at)
    last = joined.where(begun, stands).order_by(_V.version.desc()).limit(1)
    body: str | None = conn.execute(last).scalar_one_or_none()
    return None if body is None else terms_of(orjson.loads(body))


def names_of(conn: Connection, definition_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """What these definitions are called, by language."""
    its = select(_D.definition_id, _D.names).where(_D.definition_id.in_(list(definition_ids)))
    return {row.definition_id: orjson.loads(row.names) for row in conn.execute(its)}


class LastVersions(NamedTuple):
    """The highest number of a definition's versions, 0 for none, and when the last approved one begins."""

    number: int
    begins: datetime | None


def last_versions(conn: Connection, definition_id: int) -> LastVersions:
    """What a further version has to follow."""
    mine = select(_V.version, _V.effective_from, _V.approved_at).where(_V.definition_id == definition_id)
    rows = conn.execute(mine.order_by(_V.version.desc())).all()
    approved = (row.effective_from for row in rows if row.approved_at is not None)
    return LastVersions(rows[0].version if rows else 0, next(approved, None))


def agreed(conn: Connection, definition_id: int, version: int) -> frozenset[int]:
    """The merchants that have agreed to the version."""
    mine = (_C.definition_id == definition_id) & (_C.version == version)
    return frozenset(conn.execute(select(_C.merchant_id).where(mine)).scalars())


def gcn_is_taken(conn: Connection, gcn: int) -> bool:
    """Whether a definition has the GCN, or its codes or coupons have it on the chain."""
    known = select(_D.gcn_type).where(_D.gcn_type == gcn)
    told = select(coupon_type.c.gcn).where(coupon_type.c.gcn == gcn)
    return conn.execute(known.union_all(told)).first() is not None


def stacking_of_others(conn: Connection, merchant_id: int, but: int) -> list[tuple[int, Stacking]]:
    """What the last approved version of each other definition of the merchant says of groups."""
    theirs = (_D.merchant_id == merchant_id) & (_D.definition_id != but) & _D.withdrawn_at.is_(None)
    rows = (
        select(_V.definition_id, _V.body)
        .join(coupon_definition, _D.definition_id == _V.definition_id)
        .where(theirs & _V.approved_at.is_not(None))
        .order_by(_V.definition_id, _V.version)
    )
    last = {row.definition_id: row.body for row in conn.execute(rows)}
    return [(key, terms_of(orjson.loads(body)).stacking) for key, body in sorted(last.items())]


def gs1_prefix(conn: Connection) -> str:
    """The alliance's GS1 company prefix; empty before it is founded."""
    return conn.execute(select(alliance.c.gs1_prefix)).scalar_one_or_none() or ""
