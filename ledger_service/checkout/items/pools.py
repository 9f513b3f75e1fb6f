"""A brand defines prizes with a new batch: points of its own programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.points.models import programme
from ledger_service.points.programmes import id_of
from ledger_service.traceability.prizes.rules import SECRET_BYTES, Prize
from ledger_service.traceability.prizes.service import NewPool, add_pool

# Such a pool would take claims in and never draw.
NO_DRAWS = "need a registry of items and a log on the alliance's chain"


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """What a brand asks for; ``share`` is SHA-256 of a secret of its own."""

    programme: str
    prizes: tuple[Prize, ...]
    ends_at: datetime
    draws_at: datetime | None = None
    share: bytes | None = None


def read_terms(given: Mapping[str, Any]) -> PoolTerms:
    """Terms from a document of the shape that opening a batch takes.

    Raises:
        MalformedField: a field is missing or none of its kind.
    """
    try:
        prizes = tuple(Prize(p["name"], p["count"], p["points"]) for p in given["prizes"])
        code, ends, draws = given["programme"], given["ends_at"], given.get("draws_at")
        share = None if given.get("share") is None else bytes.fromhex(given["share"])
    except (KeyError, TypeError, ValueError):
        raise MalformedField("prizes", "must have programme, prizes (name, count, points), ends_at") from None
    if share is not None and len(share) != SECRET_BYTES:
        raise MalformedField("prizes.share", f"must be {SECRET_BYTES} bytes in hexadecimal")
    draws_at = None if draws is None else parse_instant(draws, "prizes.draws_at")
    return PoolTerms(code, prizes, parse_instant(ends, "prizes.ends_at"), draws_at, share)


def open_pool(conn: Connection, batch: tuple[int, int], terms: PoolTerms, at: datetime) -> None:
    """The batch that was just opened has its prizes.

    Args:
        conn: the db transaction that opened the batch.
        batch: its number and its brand.
        terms: of the prizes.
        at: now.

    Raises:
        ProgrammeUnknown: no programme has the code.
        MalformedField: the programme is another merchant's, or no draw could be made of the prizes.
    """
    programme_id = id_of(conn, terms.programme)
    issuer = conn.execute(select(programme.c.merchant_id).where(programme.c.programme_id == programme_id))
    if issuer.scalar_one() != batch[1]:
        raise MalformedField("prizes.programme", "must be of the product's own brand")
    new = NewPool(terms.programme, programme_id, terms.prizes, terms.ends_at, terms.draws_at, terms.share)
    add_pool(conn, batch[0], new, at)
