"""A brand's terms of claims: how many points an item gives, of which programme, under which caps of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from ledger_service.checkout.items.claim_command import terms_of
from ledger_service.kernel.errors import MalformedField
from ledger_service.points.models import programme
from ledger_service.points.programmes import id_of
from ledger_service.traceability.claiming.models import trace_claim_terms
from ledger_service.traceability.claiming.rules import CAPS, Terms
from ledger_service.traceability.goods.queries import lock_product


@dataclass(frozen=True, slots=True)
class NewTerms:
    """What a brand sets; points of 0 end its offer, a cap of 0 is none."""

    gtin: str
    programme: str
    points: int
    most: Mapping[str, int]


def set_terms(conn: Connection, merchant_id: int | None, new: NewTerms, by: str, at: datetime) -> int:
    """The terms are in force for claims from now on; returns their version.

    Raises:
        ProductUnknown: no product of the merchant's (any, where that is None).
        ProgrammeUnknown: no programme has the code.
        MalformedField: the programme is another merchant's than the product.

    Locks: the product's row.
    """
    product = lock_product(conn, new.gtin, merchant_id)
    programme_id = id_of(conn, new.programme)
    issuer = conn.execute(select(programme.c.merchant_id).where(programme.c.programme_id == programme_id))
    if issuer.scalar_one() != product["merchant_id"]:
        raise MalformedField("programme", "must be of the product's own brand")
    t = trace_claim_terms.c
    last = conn.execute(select(func.coalesce(func.max(t.version), 0)).where(t.gtin == new.gtin)).scalar_one()
    caps = {f"{cap}_day_most": new.most.get(cap, 0) for cap in CAPS}
    row = {"gtin": new.gtin, "version": last + 1, "programme_id": programme_id, "points": new.points, **caps}
    row |= {"set_by": by, "set_at": at}
    conn.execute(insert(trace_claim_terms).values(row))
    return int(last) + 1


def find_terms(conn: Connection, gtin: str) -> Terms | None:
    """The terms in force; None where the brand never set any."""
    t = trace_claim_terms.c
    latest = select(trace_claim_terms).where(t.gtin == gtin).order_by(t.version.desc()).limit(1)
    return terms_of([dict(row) for row in conn.execute(latest).mappings()])
