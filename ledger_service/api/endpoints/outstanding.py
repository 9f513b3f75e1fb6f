"""What members hold of a programme by when it ends, as the chain counted it: the issuer's debt in points."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Json
from ledger_service.api.endpoints.programme_shapes import instant_or_never
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Nullable, Record
from ledger_service.chain.status import ProgrammeTotal, epoch_totals
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.points.catalogue import Programme
from ledger_service.points.errors import ProgrammeUnknown

_COUNT = Integer(0)
_EPOCH = Named("OutstandingEpoch", Record(
    {"epoch": Integer(1), "ends_at": Nullable(shapes.INSTANT), "issued": _COUNT, "redeemed": _COUNT,
     "restored": _COUNT, "clawed_back": _COUNT, "expired": _COUNT, "outstanding": Integer()}, closed=False,
))  # fmt: skip
LIST = Route(
    "GET", "/v1/programmes/<code>/outstanding", "list-outstanding", scopes("sale:read"),
    "What is outstanding of a programme, by epoch; a merchant sees its own", group="Programmes",
    query=PAGE_QUERY, problems=(ProgrammeUnknown, NotYours, CursorRefused),
    success=Success(200, "A page, as far as the chain was read; `outstanding` is issued - redeemed + "
                    "restored - clawed back - expired (INV-4).", paged("epochs", _EPOCH)),
)  # fmt: skip
ROUTES = (LIST,)


@dataclass(frozen=True, slots=True)
class OutstandingDoor:
    """The endpoint of this module, beside those of programmes."""

    programmes: ProgrammesDoor

    def list_all(self, call: Call) -> Reply:
        """A page of the programme's epochs."""
        known, cursors, own = self.programmes.known(call), self.programmes.cursors, call.caller.merchant_id
        if own not in (None, known.merchant_id):
            raise NotYours("code")
        page = cursors.page(f"outstanding:{known.code}", call.query)

        def find(conn: Connection) -> Json:
            found = epoch_totals(conn, known.programme_id, page.after_number or 0, page.limit + 1)
            rows, cursor = cursors.cut(page, found, lambda one: one[0])
            return {"epochs": [_row(known, epoch, total) for epoch, total in rows], "next_cursor": cursor}

        return self.programmes.administration.read(find)


def served(door: OutstandingDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(LIST, door.list_all)]


def _row(known: Programme, epoch: int, total: ProgrammeTotal) -> Json:
    ends = known.epoch_ends[epoch - 1] if 0 < epoch <= len(known.epoch_ends) else NEVER_SECONDS
    return {
        "epoch": epoch,
        "ends_at": instant_or_never(ends),
        "issued": total.issued,
        "redeemed": total.redeemed,
        "restored": total.restored,
        "clawed_back": total.clawed_back,
        "expired": total.expired,
        "outstanding": total.outstanding,
    }
