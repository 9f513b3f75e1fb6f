"""Receipts that join a member after the sale: attach, policy, staff links, and what cashiers did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import checkout
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.checkout import errors as refusals
from ledger_service.checkout.archive_errors import SaleArchived
from ledger_service.checkout.attach import errors as attaching
from ledger_service.checkout.attach import policies, queries
from ledger_service.checkout.attach.queries import MOST_DAYS as MOST_DAYS_SHOWN
from ledger_service.checkout.attach.queries import CashierTally, DayTally, Window
from ledger_service.checkout.attach.requests import parse_attach
from ledger_service.checkout.attach.rules import MOST_DAYS
from ledger_service.checkout.attach.service import AttachService
from ledger_service.checkout.requests import Write
from ledger_service.checkout.shifts import CASHIER
from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln, parse_gsrn
from ledger_service.members import queries as members
from ledger_service.members.cards.errors import CardEnded
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.merchants.errors import MerchantSuspended, MerchantUnknown
from ledger_service.merchants.queries import find_merchant
from ledger_service.risk import staff
from ledger_service.risk.errors import RefusedByRules, StaffUnknown

_GROUP = "Late attach"
_DAY_SECONDS = 86_400
_FIRST_DAY = date(1970, 1, 1).toordinal()
_CASHIER = Text(32, pattern=CASHIER, about="The merchant's own name of a cashier")
_DAY = Text(10, pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}", about="A day of UTC", format="date")
_DAYS = Integer(0, MOST_DAYS, "Days after the sale; 0 for never")
_POLICY = shapes.answer("AttachPolicy", merchant=shapes.GLN, within_days=_DAYS)
_LINK = shapes.answer("StaffLink", cashier=_CASHIER, member=Nullable(shapes.NUMBER))
_WINDOW = {
    "merchant": Parameter(shapes.GLN, "Whose cashiers; the caller's own merchant when absent"),
    "since": Parameter(_DAY, f"First day; `until` less {MOST_DAYS_SHOWN - 1} days when absent"),
    "until": Parameter(_DAY, "Last day; today when absent"),
    **PAGE_QUERY,
}
_READ = scopes("store:write", "audit:read")

ATTACH = Route(
    "POST", "/v1/sales/<sale>/attach", "attach-sale", scopes("sell"), "Join a receipt to a member, once",
    group=_GROUP, room_checks=True, write=True,
    body=Named("AttachBody", Record({"member": shapes.EARNING_MEMBER, "cashier": _CASHIER})),
    problems=(*WRITE_PROBLEMS, refusals.RequestInFlight, NotYours, MerchantSuspended,
              refusals.UnknownSale, refusals.SaleWasImported, SaleArchived, attaching.SaleHasMember,
              attaching.SaleClaimed,
              attaching.AttachClosed,
              attaching.AttachTooLate, attaching.AttachToStaff, MemberUnknown, MemberFrozen, CardEnded,
              RefusedByRules),
    success=Success(201, "Joined; it earns what its own day gave, less what came back since.", shapes.answer(
        "Attached", sale_id=shapes.HEX_ID, merchant=shapes.GLN, cashier=_CASHIER,
        earned=Listing(shapes.EARNED), receipt=shapes.RECEIPT, operations=Listing(shapes.HEX_ID),
        occurred_at=shapes.INSTANT, attached_at=shapes.INSTANT)),
)  # fmt: skip
PUBLISH = Route(
    "POST", "/v1/merchants/<gln>/attach-policy", "publish-attach-policy", scopes("store:write"),
    "For how long the merchant's receipts may join a member", group=_GROUP, write=True,
    body=Record({"within_days": _DAYS}), problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown),
    success=Success(200, "Published.", _POLICY),
)  # fmt: skip
READ = Route(
    "GET", "/v1/merchants/<gln>/attach-policy", "attach-policy", scopes("quote", "merchant:read"),
    "For how long a merchant's receipts may join a member", group=_GROUP, problems=(MerchantUnknown,),
    success=Success(200, "The policy in force.", _POLICY),
)  # fmt: skip
LINK = Route(
    "POST", "/v1/staff-links", "link-staff", scopes("store:write"), "Say which member a cashier is",
    group=_GROUP, write=True,
    body=Named("NewStaffLink", Record(
        {"merchant": shapes.GLN, "cashier": _CASHIER, "member": shapes.NUMBER})),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, MemberUnknown),
    success=Success(200, "Linked: tills attach nothing to this member; rules on own cards know it.", _LINK),
)  # fmt: skip
UNLINK = Route(
    "POST", "/v1/staff-links/<cashier>/end", "unlink-staff", scopes("store:write"),
    "Say that a cashier is no member any more", group=_GROUP, write=True,
    body=Record({"merchant": shapes.GLN}), problems=(*WRITE_PROBLEMS, NotYours, StaffUnknown),
    success=Success(200, "Ended.", Record(closed=False)),
)  # fmt: skip
LINKS = Route(
    "GET", "/v1/staff-links", "list-staff-links", scopes("store:write"), "The cashiers who are members",
    group=_GROUP, query={"merchant": _WINDOW["merchant"], **PAGE_QUERY}, problems=(NotYours, CursorRefused),
    success=Success(200, "A page, by cashier.", paged("staff_links", _LINK)),
)  # fmt: skip
DAYS = Route(
    "GET", "/v1/attachments", "list-attachments", _READ, "Attaches by day, cashier and member", group=_GROUP,
    query=_WINDOW, problems=(NotYours, CursorRefused),
    success=Success(200, "A page, by day, cashier and member.", paged("attachments", shapes.answer(
        "AttachmentsOfDay", day=_DAY, cashier=_CASHIER, member=Nullable(shapes.NUMBER), attaches=Integer(1),
        total_minor=shapes.MINOR, approved=Integer(), own=Flag()))),
)  # fmt: skip
CASHIERS = Route(
    "GET", "/v1/attachments/cashiers", "list-attaching-cashiers", _READ,
    "How much each cashier attached, and how much of it to one member", group=_GROUP, query=_WINDOW,
    problems=(NotYours, CursorRefused),
    success=Success(200, "A page, by cashier.", paged("cashiers", shapes.answer(
        "AttachingCashier", cashier=_CASHIER, attaches=Integer(1), members=Integer(1),
        total_minor=shapes.MINOR, to_staff=Integer(), top_member=Nullable(shapes.NUMBER),
        top_attaches=Integer(1), top_share_bps=Integer(0, 10_000), top_is_own=Flag()))),
)  # fmt: skip
ROUTES = (ATTACH, PUBLISH, READ, LINK, UNLINK, LINKS, DAYS, CASHIERS)


@dataclass(frozen=True, slots=True)
class AttachmentsDoor:
    """The endpoints of this module over late attach."""

    administration: Administration
    service: AttachService
    cursors: Cursors

    def attach(self, call: Call) -> Reply:
        """The receipt has a member."""
        request = parse_attach(call.path["sale"], call.body.fields)
        caller = replace(checkout.reader_of(call), suspended=call.caller.suspended)
        write = Write(caller, call.key, call.body.digest, call.at, call.refusal)
        return checkout.reply_of(self.service.attach(write, request))

    def publish(self, call: Call) -> Reply:
        """The merchant has a policy."""
        merchant_id = parse_gln(call.path["gln"], "gln")
        require_merchant(call, merchant_id, "gln")
        days = call.body.fields["within_days"]

        def act(conn: Connection) -> Json:
            _must_know(conn, merchant_id)
            policies.publish(conn, merchant_id, days, call.at)
            return {"merchant": gln_text(merchant_id), "within_days": days}

        return self.administration.write(call, act, status=200)

    def read(self, call: Call) -> Reply:
        """The policy of a merchant."""
        merchant_id = parse_gln(call.path["gln"], "gln")

        def find(conn: Connection) -> Json:
            _must_know(conn, merchant_id)
            return {"merchant": gln_text(merchant_id), "within_days": policies.find(conn, merchant_id)}

        return self.administration.read(find)

    def link(self, call: Call) -> Reply:
        """The cashier is a member."""
        given = call.body.fields
        merchant_id = parse_gln(given["merchant"], "merchant")
        require_merchant(call, merchant_id, "merchant")
        number, cashier = parse_gsrn(given["member"], "member"), given["cashier"]

        def act(conn: Connection) -> Json:
            _must_know(conn, merchant_id)
            found = members.find_by_number(conn, number)
            if found is None:
                raise MemberUnknown
            staff.link(conn, (merchant_id, cashier), found.member_id, (call.caller.subject, call.at))
            return {"cashier": cashier, "member": number}

        return self.administration.write(call, act, status=200)

    def unlink(self, call: Call) -> Reply:
        """The cashier is none any more."""
        merchant_id, cashier = parse_gln(call.body.fields["merchant"], "merchant"), call.path["cashier"]
        require_merchant(call, merchant_id, "merchant")

        def act(conn: Connection) -> Json:
            staff.unlink(conn, merchant_id, cashier)
            return {"cashier": cashier, "member": None}

        return self.administration.write(call, act, status=200)

    def links(self, call: Call) -> Reply:
        """A page of the merchant's cashiers who are members."""
        merchant_id = _merchant_of(call)
        page = self.cursors.page(f"staff-links:{merchant_id}", call.query)

        def find(conn: Connection) -> Json:
            found = staff.links_after(conn, merchant_id, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["cashier"])
            shown = [
                {
                    "cashier": row["cashier"],
                    "member": row["member_number"],
                    "linked_by": row["linked_by"],
                    "linked_at": format_instant(row["linked_at"]),
                }
                for row in rows
            ]
            return {"staff_links": shown, "next_cursor": cursor}

        return self.administration.read(find)

    def days(self, call: Call) -> Reply:
        """A page of what was attached, by day, cashier and member."""
        window = _window(call)
        page = self.cursors.page(f"attachments:{window}", call.query)
        after = None
        if page.after is not None:
            day, cashier, member_id = page.after.split(" ")
            after = (int(day), cashier, int(member_id))

        def find(conn: Connection) -> Json:
            found = queries.days_after(conn, window, after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda t: f"{t.day} {t.cashier} {t.member_id}")
            return {"attachments": [_day_view(tally) for tally in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def cashiers(self, call: Call) -> Reply:
        """A page of cashiers with what they attached."""
        window = _window(call)
        page = self.cursors.page(f"attaching-cashiers:{window}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.tallies_after(conn, window, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda tally: tally.cashier)
            return {"cashiers": [_cashier_view(tally) for tally in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: AttachmentsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (
        door.attach, door.publish, door.read, door.link, door.unlink, door.links, door.days, door.cashiers,
    )  # fmt: skip
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _must_know(conn: Connection, merchant_id: int) -> None:
    if find_merchant(conn, merchant_id) is None:
        raise MerchantUnknown


def _merchant_of(call: Call) -> int:
    """Whose cashiers are asked for: the caller's own merchant's, or any for operator and auditor."""
    named = call.query.get("merchant")
    if named is None:
        return checkout.reader_of(call).merchant_id
    merchant_id = parse_gln(named, "query.merchant")
    require_merchant(call, merchant_id, "query.merchant")
    return merchant_id


def _window(call: Call) -> Window:
    until = _day(call, "until", seconds_floor(call.at) // _DAY_SECONDS)
    since = _day(call, "since", until - MOST_DAYS_SHOWN + 1)
    if not 0 <= until - since < MOST_DAYS_SHOWN:
        raise MalformedField("query.since", f"must be at most {MOST_DAYS_SHOWN - 1} days before until")
    return Window(_merchant_of(call), since, until)


def _day(call: Call, name: str, otherwise: int) -> int:
    text = call.query.get(name)
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text).toordinal() - _FIRST_DAY
    except ValueError:
        raise MalformedField(f"query.{name}", "must be a day, YYYY-MM-DD") from None


def _day_view(tally: DayTally) -> Json:
    shown = asdict(tally)
    del shown["member_id"], shown["member_number"]
    day = date.fromordinal(tally.day + _FIRST_DAY).isoformat()
    return {**shown, "day": day, "member": tally.member_number}


def _cashier_view(tally: CashierTally) -> Json:
    shown = asdict(tally)
    del shown["top_member_id"]
    return {**shown, "top_share_bps": tally.top_share_bps}
