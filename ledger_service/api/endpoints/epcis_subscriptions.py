"""The REST binding of EPCIS 2.0, subscriptions: what a named query finds, brought to a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes as common
from ledger_service.api.administration import Administration, Json
from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints import epcis_shapes as shapes
from ledger_service.api.endpoints.epcis_standing import BASE, ONE, SCOPES
from ledger_service.api.endpoints.epcis_wants import unmet
from ledger_service.api.errors import CursorRefused
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call, Reply, Route, Served, Success
from ledger_service.api.schema import Flag, Free, Listing, Named, Record, Text
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.traceability.standing.errors import QueryUnknown
from ledger_service.traceability.standing.queries import find_query
from ledger_service.webhooks.errors import WebhookAddressRefused
from ledger_service.webhooks.rules import LONGEST_URL
from ledger_service.webhooks.subscriptions import errors as refusals
from ledger_service.webhooks.subscriptions import queries, service
from ledger_service.webhooks.subscriptions.rules import LONGEST_TOKEN, MOST_SUBSCRIPTIONS

_ALL = f"{ONE}/subscriptions"
_ONE = f"{_ALL}/<subscription>"
_SCHEDULE = Free("second, minute, hour, dayOfMonth, month, dayOfWeek; numbers, `[a-b]`, commas; UTC.")
SUBSCRIPTION = Named("EpcisSubscription", Record({
    "subscriptionID": common.HEX_ID, "dest": Text(LONGEST_URL), "createdAt": common.INSTANT,
    "state": Text(one_of=("active", "gone")),
}, {
    "stream": Flag(), "schedule": _SCHEDULE, "reportIfEmpty": Flag(), "initialRecordTime": common.INSTANT,
    "lastNotifiedAt": common.INSTANT, "lastError": Text(),
}, closed=False))  # fmt: skip
SUBSCRIBE = Route(
    "POST", _ALL, "subscribe-query", SCOPES, "Have what the query finds sent to an address",
    group=shapes.GROUP, problems=(
        QueryUnknown, WebhookAddressRefused, refusals.SubscriptionKnown, refusals.SubscriptionUnfit,
        refusals.SubscriptionLimitReached,
    ), success=Success(201, "It stands at `Location`.", SUBSCRIPTION),
    body=Record({"dest": Text(LONGEST_URL, about="An https address of the open internet")}, {
        "signatureToken": Text(LONGEST_TOKEN, about="Signs what is sent; never shown"), "stream": Flag(),
        "schedule": _SCHEDULE, "reportIfEmpty": Flag(), "initialRecordTime": common.INSTANT,
    }), dialect=Dialect(
        media_types=shapes.LINKED_JSON, told=shapes.TOLD, problem_types=shapes.OF_SUBSCRIPTION, unmet=unmet),
)  # fmt: skip
LIST = Route(
    "GET", _ALL, "list-subscriptions", SCOPES, "The subscriptions of a query", group=shapes.GROUP,
    query=shapes.PAGES, problems=(QueryUnknown, CursorRefused), dialect=shapes.OF_NAMES,
    success=Success(200, "A page; the next is in `Link`.", Listing(SUBSCRIPTION, MOST_SUBSCRIPTIONS)),
)  # fmt: skip
SHOW = Route(
    "GET", _ONE, "show-subscription", SCOPES, "A subscription, and how it stands", group=shapes.GROUP,
    problems=(refusals.SubscriptionUnknown,), dialect=shapes.OF_NAMES,
    success=Success(200, "The subscription.", SUBSCRIPTION),
)  # fmt: skip
END = Route(
    "DELETE", _ONE, "unsubscribe", SCOPES, "End a subscription", group=shapes.GROUP,
    problems=(refusals.SubscriptionUnknown,), success=Success(204, "It is gone.", media_types=()),
    dialect=shapes.OF_NAMES,
)  # fmt: skip
ROUTES = (SUBSCRIBE, LIST, SHOW, END)


@dataclass(frozen=True, slots=True)
class SubscriptionsDoor:
    """The endpoints of this module."""

    database: Database
    administration: Administration
    cursors: Cursors
    desk: service.SubscriptionDesk

    def subscribe(self, call: Call) -> Reply:
        """The subscription stands."""
        holder, name = call.caller.subject, call.path["query_name"]
        wanted, made = _wanted(call.body.fields), list[RowMapping]()

        def act(conn: Connection) -> Json:
            made[:] = [self.desk.subscribe(conn, holder, name, wanted, call.at)]
            return {}

        self.administration.apply(act)
        shown = _shown(made[0])
        path = f"{BASE}/{name}/subscriptions/{shown['subscriptionID']}"
        return Reply(shown, 201, headers=(("Location", path),))

    def list(self, call: Call) -> Reply:
        """A page of a query's subscriptions."""
        of = (call.caller.subject, call.path["query_name"])
        size = shapes.page_size(call.query)
        pages = shapes.Pages(self.cursors, f"epcis-subscriptions:{of}", call)
        after = pages.after()
        behind = None if after is None else bytes.fromhex(after)
        with self.database.snapshot() as conn:
            find_query(conn, *of)
            found = queries.subscriptions_after(conn, of, behind, size + 1)
        headers = pages.following(found, size, lambda row: row["subscription_id"].hex())
        return Reply(shapes.dumped([_shown(row) for row in found[:size]]), headers=headers)

    def show(self, call: Call) -> Reply:
        """One subscription."""
        of = (call.caller.subject, call.path["query_name"], _id_of(call))
        with self.database.read() as conn:
            return Reply(_shown(queries.find_subscription(conn, *of)))

    def end(self, call: Call) -> Reply:
        """The subscription is gone."""
        of = (call.caller.subject, call.path["query_name"], _id_of(call))

        def act(conn: Connection) -> Json:
            service.end(conn, *of)
            return {}

        self.administration.apply(act)
        return Reply(b"", 204)


def served(door: SubscriptionsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.subscribe, door.list, door.show, door.end)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _id_of(call: Call) -> bytes:
    try:
        return parse_id(call.path["subscription"], "subscription")
    except MalformedField:
        raise refusals.SubscriptionUnknown from None


def _wanted(fields: Mapping[str, Any]) -> service.Wanted:
    stream, schedule = fields.get("stream", False), fields.get("schedule")
    if (schedule is None) != stream:
        raise MalformedField("schedule", "is needed, or `stream` true, and not both")
    if schedule is not None and not isinstance(schedule, dict):
        raise MalformedField("schedule", "must be an object")
    if stream and fields.get("reportIfEmpty"):
        raise MalformedField("reportIfEmpty", "has no meaning for a stream")
    initial = fields.get("initialRecordTime")
    return service.Wanted(
        fields["dest"], fields.get("signatureToken"), schedule, bool(fields.get("reportIfEmpty")),
        None if initial is None else parse_instant(initial, "initialRecordTime"),
    )  # fmt: skip


def _shown(row: RowMapping) -> dict[str, Any]:
    schedule = {"schedule": orjson.loads(row["schedule"])} if row["schedule"] else {"stream": True}
    times = {"initialRecordTime": row["initial_time"], "lastNotifiedAt": row["notified_at"]}
    shown = {name: format_instant(at) for name, at in times.items() if at is not None}
    trouble = {} if row["last_error"] is None else {"lastError": row["last_error"]}
    return {
        "subscriptionID": id_text(row["subscription_id"]), "dest": row["dest"], **schedule,
        "reportIfEmpty": row["report_if_empty"], "createdAt": format_instant(row["created_at"]),
        "state": row["state"], **shown, **trouble,
    }  # fmt: skip
