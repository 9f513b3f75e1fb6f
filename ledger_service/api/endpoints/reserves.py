"""What stands behind a merchant's points, in money: read by its own, and changed by whoever may.

The ratio is everybody's (`coverage`); amounts are the merchant's, the operator's and the auditor's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import NotYours
from ledger_service.api.hexadecimal import parse_address, parse_signature
from ledger_service.api.ports import Governance
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Named, Nullable, Record, Text
from ledger_service.chain.reserves.coverage import Reserve, cure_asked, reserve_of
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.reserve_wishes import (
    BringFigure,
    Cure,
    DeclareDefault,
    NameCustodian,
    Refresh,
    Require,
    Wish,
)
from ledger_service.settlement.errors import NotInDefault, ReservesNotOffered

_RESERVE = "/v1/settlement/reserves/<gln>"
_OPERATOR, _OWN = scopes("merchant:write"), scopes("store:write")
_MOST_BPS, _MOST_SEQUENCE = 2**16 - 1, 2**32 - 1
_EVIDENCE = Text(pattern="[0-9a-f]{64}", about="SHA-256 of the evidence, which you keep")
_MICROS = Text(pattern="[0-9]{1,27}", about="Whole micros of the settlement currency")
_SHARED: dict[str, Any] = {
    "group": "Settlement", "write": True,
    "problems": (*WRITE_PROBLEMS, *CHAIN_PROBLEMS, NotYours, ReservesNotOffered),
    "success": Success(201, "It stands on chain; the reserve shows it once its block is read.",
                       Record(closed=False)),
}  # fmt: skip
FIND = Route(
    "GET", _RESERVE, "show-reserve", scopes("sale:read"), "A merchant's reserve, as the chain tells it",
    group="Settlement", problems=(NotYours,),
    success=Success(200, "Zeros where there never was one. `counted_micros` is 0 once the figure is stale.",
                    shapes.answer(
                        "Reserve", merchant=shapes.GLN, figure_micros=_MICROS, counted_micros=_MICROS,
                        outstanding_micros=_MICROS, coverage_bps=Nullable(Integer()),
                        required_bps=Integer(), as_of=Nullable(shapes.INSTANT),
                        stale_from=Nullable(shapes.INSTANT), default_from=Nullable(shapes.INSTANT))),
)  # fmt: skip
CUSTODIAN = Route(
    "POST", f"{_RESERVE}/custodian", "name-custodian", _OWN, "Who signs a merchant's figures, by its word",
    body=Named("CustodianNamed", Record(
        {"address": shapes.ADDRESS}, {"signature": Nullable(shapes.SIGNATURE)},
        about="Custody signs for the merchant's own key where there is no `signature`")), **_SHARED,
)  # fmt: skip
FIGURE = Route(
    "POST", f"{_RESERVE}/figures", "bring-reserve-figure", _OWN, "A figure that the custodian has signed",
    body=Named("ReserveFigure", Record(
        {"reserve_micros": _MICROS, "as_of": shapes.INSTANT, "sequence": Integer(1, _MOST_SEQUENCE),
         "signature": shapes.SIGNATURE})), **_SHARED,
)  # fmt: skip
REFRESH = Route(
    "POST", f"{_RESERVE}/refreshes", "refresh-reserve", _OWN,
    "The last figure is counted anew, as after redemptions", body=Record({}), **_SHARED,
)  # fmt: skip
REQUIRE = Route(
    "POST", f"{_RESERVE}/requirements", "require-reserve", _OPERATOR,
    "How much of what is outstanding must be covered; 0 ends it",
    body=Named("ReserveRequirement", Record(
        {"required_bps": Integer(0, _MOST_BPS), "effective_from": shapes.INSTANT})), **_SHARED,
)  # fmt: skip
DEFAULT = Route(
    "POST", f"{_RESERVE}/defaults", "declare-default", _OPERATOR,
    "What a merchant issues is frozen; what it issued is paid from its reserve",
    body=Named("DefaultDeclared", Record({"effective_from": shapes.INSTANT, "evidence": _EVIDENCE})),
    **_SHARED,
)  # fmt: skip
CURE = Route(
    "POST", f"{_RESERVE}/cures", "cure-default", _OPERATOR, "A default is over",
    body=Named("DefaultCured", Record({"evidence": _EVIDENCE})),
    **{**_SHARED, "problems": (*_SHARED["problems"], NotInDefault)},
)  # fmt: skip
ROUTES = (FIND, CUSTODIAN, FIGURE, REFRESH, REQUIRE, DEFAULT, CURE)


@dataclass(frozen=True, slots=True)
class ReservesDoor:
    """The endpoints of this module; the leading bridge acts. ``offered``: there is a reserve desk."""

    administration: Administration
    governance: Governance
    offered: bool

    def find(self, call: Call) -> Reply:
        """The merchant's reserve."""
        merchant, at = _merchant(call), seconds_floor(call.at)
        return self.administration.read(lambda conn: _row(reserve_of(conn, merchant, at), at))

    def custodian(self, call: Call) -> Reply:
        """The merchant names its custodian; an operator relays its word, and never has custody sign."""
        merchant, given = _merchant(call), call.body.fields
        signed = given.get("signature")
        if signed is None and call.caller.merchant_id is None:
            raise NotYours("gln")
        signature = b"" if signed is None else parse_signature(signed, "signature")
        return self._done(
            call, NameCustodian(merchant, parse_address(given["address"], "address"), signature)
        )

    def figure(self, call: Call) -> Reply:
        """The figure is brought."""
        given, merchant = call.body.fields, _merchant(call)
        signature = parse_signature(given["signature"], "signature")
        as_of = _seconds(given, "as_of")
        figure = BringFigure(merchant, int(given["reserve_micros"]), as_of, given["sequence"], signature)
        return self._done(call, figure)

    def refresh(self, call: Call) -> Reply:
        """The figure is counted anew."""
        return self._done(call, Refresh(_merchant(call)))

    def require(self, call: Call) -> Reply:
        """The requirement is set."""
        given = call.body.fields
        begins = _seconds(given, "effective_from")
        return self._done(call, Require(_merchant(call), given["required_bps"], begins))

    def default(self, call: Call) -> Reply:
        """The default is declared."""
        given = call.body.fields
        begins, evidence = _seconds(given, "effective_from"), bytes.fromhex(given["evidence"])
        return self._done(call, DeclareDefault(_merchant(call), begins, evidence))

    def cure(self, call: Call) -> Reply:
        """The default that the chain tells of is cured."""
        what, at = (_merchant(call), bytes.fromhex(call.body.fields["evidence"])), seconds_floor(call.at)
        return self._done(call, lambda conn: _cure(conn, what, (_name(call), at)))

    def _done(self, call: Call, wish: Wish | Callable[[Connection], Cure]) -> Reply:
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        if not self.offered:
            raise ReservesNotOffered()
        wished = self._found(wish) if callable(wish) else wish
        self.governance.reserve(wished, _name(call))
        return self.administration.write(call, lambda conn: {"merchant": gln_text(wished.merchant)})

    def _found(self, wish: Callable[[Connection], Cure]) -> Cure:
        found: list[Cure] = []

        def find(conn: Connection) -> Json:
            found.append(wish(conn))
            return {}

        self.administration.read(find)
        return found[-1]


def served(door: ReservesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.find, door.custodian, door.figure, door.refresh, door.require, door.default, door.cure)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _merchant(call: Call) -> int:
    merchant = parse_gln(call.path["gln"], "gln")
    require_merchant(call, merchant, "gln")
    return merchant


def _seconds(given: Json, field: str) -> int:
    seconds = seconds_floor(parse_instant(given[field], field))
    if seconds <= 0:
        raise MalformedField(field, "must be after 1970")
    return seconds


def _name(call: Call) -> str:
    return id_text(derive_id("reserve", call.caller.subject, call.key))


def _cure(conn: Connection, what: tuple[int, bytes], asked: tuple[str, int]) -> Cure:
    """What was asked under the name before is asked again: it may be done, and the default over by now."""
    (merchant, evidence), (name, at) = what, asked
    begins = cure_asked(conn, name) or reserve_of(conn, merchant, at).default_from
    if not begins:
        raise NotInDefault(merchant)
    return Cure(merchant, begins, evidence)


def _row(one: Reserve, at: int) -> Json:
    instants = {"as_of": one.as_of, "stale_from": one.stale_from, "default_from": one.default_from}
    return {
        "merchant": gln_text(one.merchant),
        "figure_micros": str(one.figure_micros),
        "counted_micros": str(one.counted_micros(at)),
        "outstanding_micros": str(one.outstanding_micros),
        "coverage_bps": one.bps(at),
        "required_bps": one.required_bps,
        **{name: format_instant(instant_of_seconds(s)) if s else None for name, s in instants.items()},
    }
