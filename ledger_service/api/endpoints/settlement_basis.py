"""On which basis a programme is settled: the operator publishes it, issuer and pool sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.paging import PAGE_QUERY, paged
from ledger_service.api.ports import BasisOfProgramme
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Record, Text
from ledger_service.chain.basis.queries import bases_of
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.pools import BasisKind
from ledger_service.merchants import queries as merchants
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.points import errors as refusals
from ledger_service.points.pairs.service import require_pairs
from ledger_service.points.programmes import NOTICE_SECONDS

_GROUP = "Programmes"
_KIND = Text(one_of=tuple(kind.name.lower() for kind in BasisKind))
_SHARE = Integer(1, 10_000, "Of a reserve: the share of what is outstanding that the pool holds")
BASIS = Named(
    "SettlementBasis",
    Record(
        {"programme": shapes.PROGRAMME, "number": Integer(1), "effective_from": shapes.INSTANT,
         "basis": _KIND, "pool": shapes.GLN, "reserve_bps": Integer(0, 10_000)},
        closed=False,
    ),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/programmes/<code>/settlement-basis", "list-settlement-basis", scopes("programme:read"),
    "When the issuer pays for its points; at redemption before the first", group=_GROUP, query=PAGE_QUERY,
    problems=(refusals.ProgrammeUnknown,), success=Success(200, "A page, by number.", paged("bases", BASIS)),
)  # fmt: skip
PUBLISH = Route(
    "POST", "/v1/programmes/<code>/settlement-basis", "publish-settlement-basis", scopes("programme:write"),
    "Publish the next basis of settlement", group=_GROUP, write=True,
    body=Named("NewSettlementBasis", Record(
        {"basis": _KIND, "pool": shapes.GLN, "effective_from": shapes.INSTANT}, {"reserve_bps": _SHARE})),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, refusals.ProgrammeUnknown, MerchantUnknown,
              refusals.RegistryTooOld, refusals.PairInvalid, refusals.NoticeTooShort,
              refusals.TermsOutOfOrder),
    success=Success(201, "It stands on chain; the list has it once the index does.", BASIS),
)  # fmt: skip
ROUTES = (LIST, PUBLISH)


@dataclass(frozen=True, slots=True)
class SettlementBasisDoor:
    """The endpoints of this module, beside those of programmes."""

    programmes: ProgrammesDoor

    def list_all(self, call: Call) -> Reply:
        """The programme's bases."""
        known, cursors = self.programmes.known(call), self.programmes.cursors
        page = cursors.page(f"settlement-basis:{known.code}", call.query)

        def read(conn: Connection) -> dict[str, Any]:
            found = [r for r in bases_of(conn, known.programme_id) if r.number > (page.after_number or 0)]
            rows, cursor = cursors.cut(page, found, lambda row: row.number)
            return {"bases": [_view(known.code, _of_row(row)) for row in rows], "next_cursor": cursor}

        return self.programmes.administration.read(read)

    def publish(self, call: Call) -> Reply:
        """The programme's next basis stands on chain."""
        administration = self.programmes.administration
        replay = administration.replay(call)
        if replay is not None:
            return replay
        known, given = self.programmes.known(call), call.body.fields
        pool = parse_gln(given["pool"], "pool")
        kind, share = BasisKind[given["basis"].upper()], given.get("reserve_bps", 0)
        if (kind is BasisKind.RESERVE) != bool(share):
            raise MalformedField("reserve_bps", "is needed for a reserve, and for nothing else")
        if pool == known.merchant_id:
            raise refusals.PairInvalid("same-merchant")
        effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
        standing: list[BasisOfProgramme] = []

        def look(conn: Connection) -> dict[str, Any]:
            _check_offered(conn, pool)
            standing.extend(map(_of_row, bases_of(conn, known.programme_id)))
            return {}

        administration.read(look)
        wanted = BasisOfProgramme(
            known.merchant_id, known.programme_id, len(standing) + 1, effective, kind, share, pool
        )
        done = self._published(wanted, standing, seconds_floor(call.at))
        return administration.write(call, lambda conn: _view(known.code, done))

    def _published(
        self, wanted: BasisOfProgramme, standing: list[BasisOfProgramme], now: int
    ) -> BasisOfProgramme:
        if standing and _figures(standing[-1]) == _figures(wanted):
            return standing[-1]  # asked again after a lost answer
        if wanted.effective_from < now + NOTICE_SECONDS:
            raise refusals.NoticeTooShort(now + NOTICE_SECONDS)
        if standing and wanted.effective_from <= standing[-1].effective_from:
            raise refusals.TermsOutOfOrder(wanted.number, wanted.number)
        if standing and wanted.pool != standing[-1].pool:
            raise refusals.PairInvalid("another-pool")
        self.programmes.governance.publish_basis(wanted)
        return wanted


def served(door: SettlementBasisDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(LIST, door.list_all), Served(PUBLISH, door.publish)]


def _check_offered(conn: Connection, pool: int) -> None:
    require_pairs(conn)
    if merchants.find_merchant(conn, pool) is None:
        raise MerchantUnknown


def _of_row(row: Any) -> BasisOfProgramme:
    return BasisOfProgramme(
        0, row.programme_id, row.number, row.effective_from, row.kind, row.reserve_bps, row.pool
    )


def _figures(basis: BasisOfProgramme) -> tuple[int, int, int, int]:
    return basis.effective_from, basis.kind, basis.reserve_bps, basis.pool


def _view(code: str, basis: BasisOfProgramme) -> dict[str, Any]:
    return {
        "programme": code,
        "number": basis.number,
        "effective_from": format_instant(instant_of_seconds(basis.effective_from)),
        "basis": BasisKind(basis.kind).name.lower(),
        "pool": gln_text(basis.pool),
        "reserve_bps": basis.reserve_bps,
    }
