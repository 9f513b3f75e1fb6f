"""Webhooks over HTTP: endpoints of a merchant, their secrets, how deliveries stand, facts told again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged, place_at, place_of
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant
from ledger_service.webhooks import errors as refusals
from ledger_service.webhooks import queries
from ledger_service.webhooks.rules import KINDS, LONGEST_URL
from ledger_service.webhooks.service import NewEndpoint, Range, WebhookDesk

_GROUP, _BASE = "Webhooks", "/v1/webhooks"
_ONE = f"{_BASE}/<webhook>"
_READ, _WRITE = scopes("store:write", "audit:read"), scopes("store:write")
_KIND = Text(one_of=KINDS)
_URL = Text(LONGEST_URL, about="An https address of the open internet")
ENDPOINT = Named("WebhookEndpoint", Record({
    "webhook": shapes.HEX_ID, "merchant": shapes.GLN, "url": Text(LONGEST_URL),
    "kinds": Listing(_KIND, len(KINDS), about="All where empty"),
    "state": Text(one_of=("active", "paused", "gone", "ended")), "made_at": shapes.INSTANT,
    "waiting": Integer(about=f"Facts not delivered yet; no further than {queries.MOST_COUNTED} is counted"),
    "failures": Integer(about="Answers in a row that say that the receiver is away"),
    "failing_since": Nullable(shapes.INSTANT), "rests_until": Nullable(shapes.INSTANT),
    "last_error": Nullable(Text()),
}, closed=False))  # fmt: skip
_WITH_SECRET = Record(
    {"endpoint": ENDPOINT, "secret": Text(pattern="whsec_[A-Za-z0-9+/]{43}=", about="Shown this once")},
    closed=False,
)
_DELIVERY = Named("WebhookDelivery", Record({
    "number": Integer(1), "message": Text(pattern="evt_[0-9a-f]{32}", about="`webhook-id`"), "type": _KIND,
    "occurred_at": shapes.INSTANT, "state": Text(one_of=("pending", "delivered", "dead")),
    "attempts": Integer(), "due_at": shapes.INSTANT, "done_at": Nullable(shapes.INSTANT),
    "last_status": Nullable(Integer(100, 999)),
}, closed=False))  # fmt: skip
_ONES = (*WRITE_PROBLEMS, refusals.WebhookUnknown)
MAKE = Route(
    "POST", _BASE, "make-webhook", _WRITE, "Have what happens told to an address from now on", group=_GROUP,
    write=True, body=Record({"merchant": shapes.GLN, "url": _URL}, {"kinds": Listing(_KIND, len(KINDS))}),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, refusals.WebhookAddressRefused,
              refusals.WebhookLimitReached),
    success=Success(201, "The endpoint and its secret.", _WITH_SECRET),
)  # fmt: skip
LIST = Route(
    "GET", _BASE, "list-webhooks", _READ, "Endpoints that have not ended", group=_GROUP, query=PAGE_QUERY,
    problems=(CursorRefused,),
    success=Success(200, "A page, oldest first; a merchant sees its own.", paged("webhooks", ENDPOINT)),
)  # fmt: skip
MOVE = Route(
    "POST", f"{_ONE}/state", "move-webhook", _WRITE,
    "Pause an endpoint (what happens waits), let it go on, or end it", group=_GROUP, write=True,
    body=Record({"state": Text(one_of=("active", "paused", "ended"))}), problems=_ONES,
    success=Success(200, "Done.", ENDPOINT),
)  # fmt: skip
ROTATE = Route(
    "POST", f"{_ONE}/secret", "rotate-webhook-secret", _WRITE,
    "Another secret; for a day messages are signed by both", group=_GROUP, write=True,
    body=shapes.EMPTY_BODY, problems=_ONES, success=Success(200, "The secret.", _WITH_SECRET),
)  # fmt: skip
REPLAY = Route(
    "POST", f"{_ONE}/replay", "replay-webhook", _WRITE,
    "Send facts of these numbers again, and those that were never sent here", group=_GROUP, write=True,
    body=Record({"since": Integer(1)}, {"until": Nullable(Integer(1))}), problems=_ONES,
    success=Success(200, "How many wait now; go on from `next` where it is a number.", Record(
        {"replayed": Integer(), "next": Nullable(Integer(1))}, closed=False)),
)  # fmt: skip
DELIVERIES = Route(
    "GET", f"{_ONE}/deliveries", "list-webhook-deliveries", _READ, "How the facts were delivered",
    group=_GROUP, problems=(CursorRefused, refusals.WebhookUnknown),
    query={**PAGE_QUERY, "state": Parameter(Text(one_of=("pending", "delivered", "dead")), "Only these")},
    success=Success(200, "A page, in the order of the facts.", paged("deliveries", _DELIVERY)),
)  # fmt: skip
ROUTES = (MAKE, LIST, MOVE, ROTATE, REPLAY, DELIVERIES)


@dataclass(frozen=True, slots=True)
class WebhooksDoor:
    """The endpoints of this module over the webhooks room."""

    administration: Administration
    cursors: Cursors
    desk: WebhookDesk

    def make(self, call: Call) -> Reply:
        """The endpoint stands."""
        given = call.body.fields
        merchant_id = parse_gln(given["merchant"], "merchant")
        require_merchant(call, merchant_id, "merchant")
        new = NewEndpoint(merchant_id, given["url"], given.get("kinds", ()), call.caller.subject)

        def act(conn: Connection) -> Json:
            if find_merchant(conn, merchant_id) is None:
                raise MerchantUnknown
            row, secret = self.desk.make(conn, new, call.at)
            return {"endpoint": _endpoint(conn, row), "secret": secret}

        return self.administration.write(call, act, secret=True)

    def list(self, call: Call) -> Reply:
        """A page of endpoints."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"webhooks:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.endpoints(conn, own, place_of(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _place)
            return {"webhooks": [_endpoint(conn, row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def move(self, call: Call) -> Reply:
        """The endpoint is in this state."""
        endpoint_id, state = _of(call), call.body.fields["state"]

        def act(conn: Connection) -> Json:
            return _endpoint(conn, self.desk.move(conn, endpoint_id, call.caller.merchant_id, state))

        return self.administration.write(call, act, status=200)

    def rotate(self, call: Call) -> Reply:
        """The endpoint has another secret."""
        endpoint_id = _of(call)

        def act(conn: Connection) -> Json:
            row, secret = self.desk.rotate(conn, endpoint_id, call.caller.merchant_id, call.at)
            return {"endpoint": _endpoint(conn, row), "secret": secret}

        return self.administration.write(call, act, status=200, secret=True)

    def replay(self, call: Call) -> Reply:
        """The facts wait again."""
        endpoint_id, given = _of(call), call.body.fields
        what = Range(given["since"], given.get("until"))
        if what.until is not None and what.until < what.since:
            raise MalformedField("until", "must not lie before `since`")

        def act(conn: Connection) -> Json:
            own = call.caller.merchant_id
            count, more = self.desk.replay(conn, endpoint_id, own, what, call.at)
            return {"replayed": count, "next": more}

        return self.administration.write(call, act, status=200)

    def deliveries(self, call: Call) -> Reply:
        """A page of deliveries."""
        endpoint_id, state = _of(call), call.query.get("state")
        page = self.cursors.page(f"webhook-deliveries:{endpoint_id.hex()}:{state}", call.query)

        def find(conn: Connection) -> Json:
            ended = queries.endpoint(conn, endpoint_id, call.caller.merchant_id)["state"] == "ended"
            found = queries.deliveries(conn, endpoint_id, state, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["number"])
            # What waited when an endpoint ended is not sent, and waits no more.
            shown = [_delivery(row) for row in rows if not (ended and row["state"] == "pending")]
            return {"deliveries": shown, "next_cursor": cursor}

        return self.administration.read(find)


def served(door: WebhooksDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.make, door.list, door.move, door.rotate, door.replay, door.deliveries)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _of(call: Call) -> bytes:
    return parse_id(call.path["webhook"], "webhook")


def _endpoint(conn: Connection, row: RowMapping) -> Json:
    waiting = 0 if row["state"] == "ended" else queries.waiting(conn, row["endpoint_id"])
    return {
        "webhook": id_text(row["endpoint_id"]), "merchant": gln_text(row["merchant_id"]), "url": row["url"],
        "kinds": row["kinds"].split(), "state": row["state"], "made_at": format_instant(row["created_at"]),
        "waiting": waiting, "failures": row["failures"],
        "failing_since": shown_instant(row["failing_since"]),
        "rests_until": shown_instant(row["rests_until"]), "last_error": row["last_error"],
    }  # fmt: skip


def _delivery(row: RowMapping) -> Json:
    return {
        "number": row["number"], "message": f"evt_{id_text(row['event_id'])}", "type": row["kind"],
        "occurred_at": format_instant(row["occurred_at"]), "state": row["state"],
        "attempts": row["attempts"], "due_at": format_instant(row["due_at"]),
        "done_at": shown_instant(row["done_at"]), "last_status": row["last_status"],
    }  # fmt: skip


def shown_instant(at: datetime | None) -> str | None:
    """An instant as it is shown; None for none."""
    return None if at is None else format_instant(at)


def _place(row: RowMapping) -> str:
    return place_at(row["created_at"], row["endpoint_id"])
