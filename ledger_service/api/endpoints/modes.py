"""What stores and terminals are: when the day begins, tills and self-checkouts, terminals in training."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api.administration import Action, Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import own_store, own_terminal
from ledger_service.api.errors import NotYours
from ledger_service.api.place_shapes import HOUR, MODE, mode_of, mode_view
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Named, Record
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.merchants import errors as refusals
from ledger_service.merchants.keyring import KeyRing
from ledger_service.merchants.service import MerchantsService

_GROUP = "Stores and tills"
SET_MODE = Route(
    "POST", "/v1/terminals/<terminal>/mode", "set-terminal-mode", scopes("terminal:write"),
    "Make a terminal a till or a self-checkout, and let it train", group=_GROUP, write=True,
    body=Named("TerminalMode", Record({}, MODE)),
    problems=(*WRITE_PROBLEMS, NotYours, refusals.TerminalUnknown),
    success=Success(200, "It is that; other processes know within a second.", Record(closed=False)),
)  # fmt: skip
SET_DAY_START = Route(
    "POST", "/v1/stores/<gln>/day-start", "set-day-start", scopes("store:write"),
    "When the business day of a store begins, for what is sold from now on", group=_GROUP, write=True,
    body=Record({"day_starts_at_hour": HOUR}), problems=(*WRITE_PROBLEMS, NotYours, refusals.StoreUnknown),
    success=Success(200, "In force.", Record(closed=False)),
)  # fmt: skip
ROUTES = (SET_MODE, SET_DAY_START)


@dataclass(frozen=True, slots=True)
class ModesDoor:
    """The endpoints of this module over the merchants room."""

    administration: Administration
    merchants: MerchantsService
    keyring: KeyRing

    def set_mode(self, call: Call) -> Reply:
        """The terminal is what the body says."""
        mode = mode_of(call.body.fields)

        def act(conn: Connection) -> Json:
            terminal_id = own_terminal(conn, call)
            self.merchants.set_mode(conn, terminal_id, mode)
            return {"terminal": terminal_id, **mode_view(mode)}

        return self._write(call, act, 200)

    def set_day_start(self, call: Call) -> Reply:
        """The store's business day begins at the hour."""
        gln, hour = parse_gln(call.path["gln"], "gln"), call.body.fields["day_starts_at_hour"]

        def act(conn: Connection) -> Json:
            own_store(conn, call, gln)
            self.merchants.set_day_start(conn, gln, hour)
            return {"store": gln_text(gln), "day_starts_at_hour": hour}

        return self._write(call, act, 200)

    def _write(self, call: Call, act: Action, status: int) -> Reply:
        reply = self.administration.write(call, act, status=status)
        self.keyring.refresh()
        return reply


def served(door: ModesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.set_mode, door.set_day_start)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]
