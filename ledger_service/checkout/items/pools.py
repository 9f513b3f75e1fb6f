"""A brand defines prizes with a new batch: points of its own programme, or coupons that it alone pays for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.coupons.definitions.queries import terms_in_force, the_definition, the_version
from ledger_service.coupons.wallet.offering import offer_of
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text
from ledger_service.points.models import programme
from ledger_service.points.programmes import id_of
from ledger_service.traceability.prizes.rules import SECRET_BYTES, Prize, PrizeCoupon
from ledger_service.traceability.prizes.service import NewPool, add_pool

_PRIZE = "name, count, points or coupon"
_NO_PRIZE = "must have terms in force, for nothing, that the brand alone pays for, beyond end and draw"
# Such a pool would take claims in and never draw.
NO_DRAWS = "need a registry of items and a log on the alliance's chain"


@dataclass(frozen=True, slots=True)
class PrizeWish:
    """One kind of prize as a brand asks for it: points, or a coupon by its definition's code."""

    name: str
    count: int
    points: int = 0
    coupon: str | None = None


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """What a brand asks for; ``share`` is SHA-256 of a secret of its own."""

    programme: str
    prizes: tuple[PrizeWish, ...]
    ends_at: datetime
    draws_at: datetime | None = None
    share: bytes | None = None


def read_terms(given: Mapping[str, Any]) -> PoolTerms:
    """Terms from a document of the shape that opening a batch takes.

    Raises:
        MalformedField: a field is missing or none of its kind.
    """
    try:
        prizes = tuple(_wish(one) for one in given["prizes"])
        code, ends, draws = given["programme"], given["ends_at"], given.get("draws_at")
        share = None if given.get("share") is None else bytes.fromhex(given["share"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise MalformedField("prizes", f"must have programme, ends_at and prizes ({_PRIZE})") from None
    if share is not None and len(share) != SECRET_BYTES:
        raise MalformedField("prizes.share", f"must be {SECRET_BYTES} bytes in hexadecimal")
    draws_at = None if draws is None else parse_instant(draws, "prizes.draws_at")
    return PoolTerms(code, prizes, parse_instant(ends, "prizes.ends_at"), draws_at, share)


def _wish(given: Mapping[str, Any]) -> PrizeWish:
    coupon = given.get("coupon")
    if (coupon is None) == (given.get("points") is None):
        raise ValueError("points or a coupon")
    return PrizeWish(given["name"], given["count"], given.get("points") or 0, coupon)


def open_pool(conn: Connection, batch: tuple[int, int], terms: PoolTerms, at: datetime) -> None:
    """The batch that was just opened has its prizes.

    Args:
        conn: the db transaction that opened the batch.
        batch: its number and its brand.
        terms: of the prizes.
        at: now.

    Raises:
        ProgrammeUnknown: no programme has the code.
        DefinitionUnknown: the brand has no coupon of that code.
        MalformedField: the programme is another merchant's, a coupon cannot be a prize, or no draw could be
            made of the prizes.
    """
    programme_id = id_of(conn, terms.programme)
    issuer = conn.execute(select(programme.c.merchant_id).where(programme.c.programme_id == programme_id))
    if issuer.scalar_one() != batch[1]:
        raise MalformedField("prizes.programme", "must be of the product's own brand")
    prizes = [_prize(conn, wish, batch[1], (at, _last_given(terms))) for wish in terms.prizes]
    new = NewPool(terms.programme, programme_id, prizes, terms.ends_at, terms.draws_at, terms.share)
    add_pool(conn, batch[0], new, at)


def _last_given(terms: PoolTerms) -> datetime:
    """When prizes may still be given: nobody has one before the draw, however long claims are over."""
    return terms.ends_at if terms.draws_at is None else max(terms.ends_at, terms.draws_at)


def _prize(conn: Connection, wish: PrizeWish, owner: int, when: tuple[datetime, datetime]) -> Prize:
    """The prize with the terms in force now, which it keeps; ``when``: now, and when the last is given."""
    if wish.coupon is None:
        return Prize(wish.name, wish.count, wish.points)
    at, last = when
    definition_id = the_definition(conn, owner, wish.coupon)["definition_id"]
    terms = terms_in_force(conn, definition_id, at)
    # Whoever is given one last must have a coupon too.
    offer = None if offer_of(terms, at) is None else offer_of(terms, last)
    if offer is None or offer.payer != owner:
        raise MalformedField("prizes.coupon", _NO_PRIZE)
    hashed = bytes(the_version(conn, definition_id, offer.version)["terms_hash"])
    its = PrizeCoupon(gln_text(owner), wish.coupon, offer.version, hashed)
    return Prize(wish.name, wish.count, wish.points, its)
