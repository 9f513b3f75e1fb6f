"""Definitions and their versions: written by one, approved by another, agreed to by whoever they bind.

The caller commits. What was approved never changes; to change what holds is to write a further version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, insert, select, update

from ledger_service.coupons.definitions import law, queries
from ledger_service.coupons.definitions.changes import next_number
from ledger_service.coupons.definitions.errors import (
    ApproverIsAuthor,
    ConsentNotNeeded,
    CouponCodeTaken,
    DefinitionWithdrawn,
    LawRefused,
    StackingContradiction,
    TermsFaulty,
    VersionDecided,
    VersionOutOfOrder,
)
from ledger_service.coupons.definitions.models import coupon_consent, coupon_definition, coupon_version
from ledger_service.coupons.definitions.numbers import gcn_of
from ledger_service.coupons.definitions.references import check_references
from ledger_service.coupons.definitions.stacking import contradiction
from ledger_service.coupons.telling.types import register
from ledger_service.coupons.terms.checks import faults
from ledger_service.coupons.terms.text import terms_hash, terms_json, terms_of
from ledger_service.coupons.terms.values import Terms
from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.clock import format_instant

_D, _V = coupon_definition.c, coupon_version.c
Said = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class NewDefinition:
    """A coupon to be defined; ``gcn`` None takes the next number under the alliance's prefix."""

    merchant_id: int
    code: str
    names: Mapping[str, str]
    jurisdiction: str = law.NOWHERE
    guarantee: str | None = None
    gcn: int | None = None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Terms as they were sent, without what the definition says; None takes effect as soon as agreed."""

    raw: Mapping[str, Any]
    currency: str
    effective_from: datetime | None = None


def define(conn: Connection, new: NewDefinition, said: Said) -> RowMapping:
    """The definition stands, without a version.

    Raises:
        CouponCodeTaken: the merchant has such a code, or another definition the GCN.

    Locks: the row of changes, so that of two the second is judged after the first.
    """
    definition_id = next_number(conn)
    if queries.definition_of(conn, new.merchant_id, new.code) is not None:
        raise CouponCodeTaken("code", new.code)
    gcn = new.gcn if new.gcn is not None else gcn_of(queries.gs1_prefix(conn), definition_id)
    if gcn is not None and queries.gcn_is_taken(conn, gcn):
        raise CouponCodeTaken("gcn", f"{gcn:013d}")
    by, at = said
    conn.execute(insert(coupon_definition).values(
        definition_id=definition_id, merchant_id=new.merchant_id, code=new.code, gcn_type=gcn,
        names=canonical_json(dict(new.names)).decode(), jurisdiction=new.jurisdiction,
        guarantee=new.guarantee, created_by=by, created_at=at,
    ))  # fmt: skip
    return queries.the_definition(conn, new.merchant_id, new.code)


def judge(conn: Connection, definition: RowMapping, new: NewVersion, at: datetime) -> tuple[Terms, datetime]:
    """The terms as the next version and from when on they would hold; nothing is written.

    Raises:
        MalformedField: text that is no terms.
        TermsFaulty, LawRefused, StackingContradiction: what no coupon here may say.
        VersionOutOfOrder: it would begin in the past or before a version that is approved.
        DefinitionWithdrawn: there are no more versions.
    """
    if definition["withdrawn_at"] is not None:
        raise DefinitionWithdrawn
    last = queries.last_versions(conn, definition["definition_id"])
    number, earliest = last.number + 1, max(at, last.begins or at)
    begins = earliest if new.effective_from is None else new.effective_from
    if begins < earliest:
        raise VersionOutOfOrder(number, format_instant(earliest))
    fixed = {"definition": definition["definition_id"], "version": number,
             "merchant": definition["merchant_id"], "currency": new.currency}  # fmt: skip
    terms = terms_of({**new.raw, **fixed})
    _check(conn, definition, terms, begins)
    return terms, begins


def write(conn: Connection, definition: RowMapping, new: NewVersion, said: Said) -> RowMapping:
    """The version stands and waits for approval; raises as ``judge``.

    Locks: the row of changes, so that of two at once the second is judged after the first.
    """
    by, at = said
    next_number(conn)
    terms, begins = judge(conn, definition, new, at)
    conn.execute(insert(coupon_version).values(
        definition_id=terms.definition, version=terms.version, body=terms_json(terms),
        terms_hash=terms_hash(terms), effective_from=begins, written_by=by, written_at=at,
    ))  # fmt: skip
    return queries.the_version(conn, terms.definition, terms.version)


def approve(conn: Connection, row: RowMapping, said: Said) -> RowMapping:
    """Another person has approved the version; it is live where all it binds have agreed.

    Raises:
        ApproverIsAuthor: whoever wrote it.
        VersionDecided: it is approved, or a later one is.
        StackingContradiction: another definition was approved meanwhile that contradicts it.

    Locks: the row of changes.
    """
    by, at = said
    next_number(conn)
    row = queries.the_version(conn, row["definition_id"], row["version"])
    later = (_V.definition_id == row["definition_id"]) & (_V.version > row["version"])
    if (
        row["approved_at"] is not None
        or conn.execute(select(_V.version).where(later & _V.approved_at.is_not(None))).first()
    ):
        raise VersionDecided(row["version"])
    if row["written_by"] == by:
        raise ApproverIsAuthor
    _check_stacking(conn, terms_of(orjson.loads(row["body"])))
    _set(conn, row, approved_by=by, approved_at=at)
    return _live(conn, row, at)


def agree(conn: Connection, row: RowMapping, merchant_id: int, said: Said) -> RowMapping:
    """The merchant has agreed to pay for the version, or to take it.

    Raises:
        ConsentNotNeeded: the terms do not bind it.
        VersionDecided: it has agreed before.

    Locks: the row of changes.
    """
    by, at = said
    next_number(conn)
    terms = terms_of(orjson.loads(row["body"]))
    if merchant_id not in bound(terms):
        raise ConsentNotNeeded
    if merchant_id in queries.agreed(conn, terms.definition, terms.version):
        raise VersionDecided(terms.version)
    conn.execute(insert(coupon_consent).values(
        definition_id=terms.definition, version=terms.version, merchant_id=merchant_id, given_by=by,
        given_at=at,
    ))  # fmt: skip
    return _live(conn, row, at)


def withdraw(conn: Connection, definition: RowMapping, said: Said) -> None:
    """Nobody uses the coupon from now on; what is held may still be captured.

    Raises:
        DefinitionWithdrawn: it is already.
    """
    by, at = said
    next_number(conn)
    mine = (_D.definition_id == definition["definition_id"]) & _D.withdrawn_at.is_(None)
    done = conn.execute(update(coupon_definition).where(mine).values(withdrawn_by=by, withdrawn_at=at))
    if not done.rowcount:
        raise DefinitionWithdrawn


def bound(terms: Terms) -> frozenset[int]:
    """The merchants beside the owner that pay for the coupon, take it or lend it a segment: each must agree
    to a version."""
    lenders = frozenset(owner for owner, _ in terms.named_segments)
    payers = frozenset(share.party for share in terms.funders)
    return (payers | terms.scope.merchants | lenders) - {terms.merchant}


def _live(conn: Connection, row: RowMapping, at: datetime) -> RowMapping:
    row = queries.the_version(conn, row["definition_id"], row["version"])
    terms = terms_of(orjson.loads(row["body"]))
    missing = bound(terms) - queries.agreed(conn, terms.definition, terms.version)
    if row["approved_at"] is not None and not missing:
        _set(conn, row, live_from=max(row["effective_from"], at))
        register(conn, terms.definition, at)
    return queries.the_version(conn, row["definition_id"], row["version"])


def _set(conn: Connection, row: RowMapping, **values: Any) -> None:
    mine = (_V.definition_id == row["definition_id"]) & (_V.version == row["version"])
    conn.execute(update(coupon_version).where(mine).values(**values))


def _check(conn: Connection, definition: RowMapping, terms: Terms, begins: datetime) -> None:
    wrong = faults(terms)
    if wrong:
        raise TermsFaulty(*wrong[0])
    place = definition["jurisdiction"]
    rule = law.refusal_of(terms, place, definition["guarantee"], begins.date())
    if rule is not None:
        raise LawRefused(place, rule)
    check_references(conn, terms)
    _check_stacking(conn, terms)


def _check_stacking(conn: Connection, terms: Terms) -> None:
    others = queries.stacking_of_others(conn, terms.merchant, terms.definition)
    found = contradiction(terms.stacking, others)
    if found is not None:
        definition, group = found
        code = conn.execute(select(_D.code).where(_D.definition_id == definition)).scalar_one()
        raise StackingContradiction(code, group)
