"""Households: begin, invite, join, rights, leave, end; what each mate may see of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import (
    device_document,
    member_of_call,
    new_device,
    number_of_call,
)
from ledger_service.api.endpoints.household_routes import ROUTES
from ledger_service.api.endpoints.household_shapes import (
    event_document,
    household_document,
    purchase_document,
    waiting_document,
)
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call, Reply, Served
from ledger_service.checkout.household_sales import Bought, bought
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.money import micros_of_minor
from ledger_service.ledger.queries import balance
from ledger_service.members import errors as member_errors
from ledger_service.members.households import queries
from ledger_service.members.households.desk import HouseholdDesk
from ledger_service.members.households.errors import HouseholdUnknown
from ledger_service.members.households.parting import PartingDesk
from ledger_service.members.households.requests import Acceptance, Actor, NewHousehold, OwnKey, Rights
from ledger_service.members.queries import find_by_number
from ledger_service.points.catalogue import CatalogueCache

# Whose key has which lane, and the numbers of those members.
Known = tuple[dict[int, int], dict[int, str]]


@dataclass(frozen=True, slots=True)
class HouseholdsDoor:
    """The endpoints of this module over households; ``exponent`` is that of the alliance's currency."""

    administration: Administration
    cursors: Cursors
    catalogue: CatalogueCache
    desk: HouseholdDesk
    parting: PartingDesk
    exponent: int

    def begin(self, call: Call) -> Reply:
        """The household exists."""
        given = call.body.fields
        key = _key(given)

        def act(conn: Connection) -> Json:
            name, zone, parting = given.get("display_name"), given["timezone"], given["parting"]
            new = NewHousehold(number_of_call(conn, call), name, zone, parting, key)
            return {"household": self.desk.begin(conn, new, _actor(call))}

        return self.administration.write(call, act)

    def mine(self, call: Call) -> Reply:
        """The households of a member."""

        def find(conn: Connection) -> Json:
            found = queries.households_of(conn, member_of_call(conn, call).member_id)
            names = ("number", "display_name", "role", "state")
            return {"households": [dict(zip(names, row, strict=True)) for row in found]}

        return self.administration.read(find)

    def show(self, call: Call) -> Reply:
        """The household, as far as the mate may see it."""

        def find(conn: Connection) -> Json:
            view = self._view(conn, call)
            mate = view.mate(call.caller.member_id)
            sees = mate is None or (mate.sees_balances and mate.state == "in")
            lots = balance(conn, view.household_id) if sees else None
            return household_document(view, lots, self._codes(), self.exponent)

        return self.administration.read(find)

    def invite(self, call: Call) -> Reply:
        """The member is invited."""
        number, rights = parse_gsrn(call.body.fields["member"], "member"), self._rights(call)
        return self._act(call, partial(self.desk.invite, invited=number, rights=rights), 201)

    def answer(self, call: Call) -> Reply:
        """The invited member has answered."""
        given = call.body.fields
        key = _key(given) if given.get("device") is not None else None
        answer = Acceptance(given["accept"], given.get("shows_baskets", False), key)

        def act(conn: Connection) -> Json:
            self.desk.answer(conn, _household(call), answer, _actor(call))
            return {"state": "in" if answer.accept else "out"}

        return self.administration.write(call, act, status=200)

    def add_key(self, call: Call) -> Reply:
        """The key speaks for the mate."""
        key = _key(call.body.fields)

        def act(conn: Connection) -> Json:
            return device_document(self.desk.add_key(conn, _household(call), key, _actor(call)))

        return self.administration.write(call, act)

    def rights(self, call: Call) -> Reply:
        """The mate's rights are set."""
        rights = self._rights(call)

        def act(conn: Connection) -> Json:
            self.desk.set_rights(conn, _household(call), _mate(conn, call), rights, _actor(call))
            return {}

        return self.administration.write(call, act, status=200)

    def privacy(self, call: Call) -> Reply:
        """The mate's baskets are shown, or not."""
        return self._act(call, partial(self.desk.show_baskets, shown=call.body.fields["shows_baskets"]), 200)

    def part(self, call: Call) -> Reply:
        """The mate is out."""

        def act(conn: Connection) -> Json:
            part = self.parting.part(conn, _household(call), _mate(conn, call), _actor(call))
            return {"part": waiting_document(part, self._codes())}

        return self.administration.write(call, act, status=200)

    def owner(self, call: Call) -> Reply:
        """Another mate owns it, or an operator's wish waits for a second."""
        heir = parse_gsrn(call.body.fields["member"], "member")

        def act(conn: Connection) -> Json:
            member_id = _member(conn, heir)
            return {"done": self.parting.hand_over(conn, _household(call), member_id, _actor(call))}

        return self.administration.write(call, act, status=200)

    def dissolve(self, call: Call) -> Reply:
        """The household is closing or closed."""

        def act(conn: Connection) -> Json:
            return {"state": self.parting.dissolve(conn, _household(call), _actor(call))}

        return self.administration.write(call, act, status=200)

    def purchases(self, call: Call) -> Reply:
        """A page of what was bought."""

        def find(conn: Connection) -> Json:
            view = self._inside(conn, call)
            page = self.cursors.page(f"purchases:{view.household_id}", call.query)
            found = bought(conn, view.household_id, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.position)
            owners = queries.owner_of_lane(conn, view.household_id)
            numbers = queries.numbers_of(conn, set(owners.values()))
            show = partial(self._purchase, call, view, (owners, numbers))
            return {"purchases": [show(one) for one in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def events(self, call: Call) -> Reply:
        """A page of what happened."""

        def find(conn: Connection) -> Json:
            view = self._inside(conn, call)
            page = self.cursors.page(f"household-events:{view.household_id}", call.query)
            found = queries.events_of(conn, view.household_id, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda event: event.position)
            return {"events": [event_document(event) for event in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def _purchase(self, call: Call, view: queries.HouseholdView, known: Known, one: Bought) -> Json:
        """A purchase; its basket is for who made it, for operators, and for all where that mate shows it."""
        (owners, numbers), caller = known, call.caller.member_id
        by = owners.get(one.lane) if one.lane is not None else None
        mate, reader = view.mate(by), view.mate(caller)
        own = caller is None or (by is not None and by == caller)
        basket = own or (mate is not None and mate.shows_baskets)
        points = own or basket or (reader is not None and reader.sees_balances)
        return purchase_document(one, numbers.get(by or 0), (points, basket), self._codes())

    def _act(self, call: Call, act: Any, status: int) -> Reply:
        def run(conn: Connection) -> Json:
            act(conn, _household(call), actor=_actor(call))
            return {}

        return self.administration.write(call, run, status=status)

    def _view(self, conn: Connection, call: Call) -> queries.HouseholdView:
        return queries.find_household(conn, _household(call), call.caller.member_id, call.at)

    def _inside(self, conn: Connection, call: Call) -> queries.HouseholdView:
        """For whoever is in it, or an operator: neither for the invited nor for who has left."""
        view = self._view(conn, call)
        mate = view.mate(call.caller.member_id)
        if mate is not None and mate.state != "in":
            raise HouseholdUnknown
        return view

    def _rights(self, call: Call) -> Rights:
        given = call.body.fields
        limit = given.get("limit_minor")
        if (given["spends"] in ("day", "month")) != (limit is not None):
            raise MalformedField("limit_minor", "is needed with a limit of a day or month, and only there")
        micros = None if limit is None else micros_of_minor(limit, self.exponent)
        return Rights(given["spends"], micros, given["sees_balances"])

    def _codes(self) -> dict[int, str]:
        return {p: programme.code for p, programme in self.catalogue.current().programmes.items()}


def served(door: HouseholdsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.begin, door.mine, door.show, door.invite, door.answer, door.add_key, door.rights, door.privacy,
        door.part, door.owner, door.dissolve, door.purchases, door.events,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _actor(call: Call) -> Actor:
    return Actor(call.caller.member_id, call.caller.subject, call.at)


def _household(call: Call) -> str:
    return parse_gsrn(call.path["household"], "household")


def _mate(conn: Connection, call: Call) -> int:
    return _member(conn, parse_gsrn(call.path["number"], "number"))


def _member(conn: Connection, number: str) -> int:
    found = find_by_number(conn, number)
    if found is None:
        raise member_errors.MemberUnknown
    return found.member_id


def _key(given: dict[str, Any]) -> OwnKey:
    if given.get("own_lane") is None:
        raise MalformedField("own_lane", "is required with a device")
    return OwnKey(new_device(given["device"], "device."), given["own_lane"])
