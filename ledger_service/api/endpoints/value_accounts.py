"""Stored-value cards in the office: a merchant's cards and accounts, one card's ledger, a member's cards."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.basket_shapes import CARD_CODE, CARD_PIN
from ledger_service.api.endpoints.checkout import reader_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.endpoints.value_cards import CARD, GROUP
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.checkout.stored.views import card_view
from ledger_service.coupons.stored import queries, standing
from ledger_service.coupons.stored.errors import ValueCardNotUsable, ValueCardUnknown
from ledger_service.coupons.stored.rules import Account, Kind
from ledger_service.coupons.stored.showing import CardReader
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.members.errors import MemberUnknown

_READ = scopes("sale:read")
_MINE = {"merchant": Parameter(shapes.GLN, "The caller's own when absent")}
_ACCOUNT = Text(one_of=tuple(Account))
_ENTRY = Named("ValueEntry", Record(
    {"position": Integer(1), "kind": Text(one_of=tuple(Kind)), "source": _ACCOUNT, "destination": _ACCOUNT,
     "amount_minor": Integer(1), "ref": shapes.HEX_ID, "reference": Text(64),
     "store": Nullable(shapes.GLN), "terminal": Text(64), "at": shapes.INSTANT}, closed=False))  # fmt: skip
_ACCOUNTS = Named("ValueAccounts", Record(
    {"currency": shapes.CURRENCY, "liability_minor": Integer(about="Owed, added up from every entry"),
     "tender_minor": Integer(about="Taken for cards"),
     "redemption_minor": Integer(about="Paid with them, returns taken off"),
     "payout_minor": Integer(about="Given for them in money"), "cards": Integer(0),
     "cards_minor": Integer(about="What the cards hold together; must be the liability"),
     "held_minor": Integer(0)}, closed=False))  # fmt: skip
LIST = Route(
    "GET", "/v1/value-cards", "list-value-cards", _READ, "A merchant's cards, without their codes",
    group=GROUP, query={**_MINE, **PAGE_QUERY}, problems=(NotYours, CursorRefused),
    success=Success(200, "A page, in the order of their ids.", paged("cards", CARD)),
)  # fmt: skip
ENTRIES = Route(
    "GET", "/v1/value-cards/<value_card>/entries", "list-value-entries", _READ,
    "What moved a card's money, oldest first", group=GROUP, query=PAGE_QUERY,
    problems=(ValueCardUnknown, NotYours, CursorRefused),
    success=Success(200, "A page.", paged("entries", _ENTRY)),
)  # fmt: skip
CHANGE = Route(
    "POST", "/v1/value-cards/<value_card>/standing", "change-value-card", scopes("store:write"),
    "Freeze a card, thaw it, or begin its time anew", group=GROUP, write=True,
    body=Named("ChangeValueCard", Record(
        {"act": Text(one_of=standing.ACTS), "reason": Text(one_of=standing.REASONS)})),
    problems=(*WRITE_PROBLEMS, NotYours, ValueCardUnknown), success=Success(200, "Changed.", CARD),
)  # fmt: skip
REPLACE = Route(
    "POST", "/v1/value-cards/<value_card>/replacement", "replace-value-card", scopes("store:write"),
    "Give a card another printed code, where its own is lost", group=GROUP, write=True,
    body=Named("ReplaceValueCard", Record(
        {"card": CARD_CODE, "reason": Text(one_of=standing.REASONS)}, {"pin": CARD_PIN})),
    problems=(*WRITE_PROBLEMS, NotYours, ValueCardUnknown, ValueCardNotUsable),
    success=Success(200, "The old code is dead, the new one pays.", CARD),
)  # fmt: skip
ACCOUNTS = Route(
    "GET", "/v1/value-accounts", "show-value-accounts", _READ,
    "What a merchant owes for its cards, and whether the cards add up to it", group=GROUP, query=_MINE,
    problems=(NotYours,),
    success=Success(200, "By currency.", shapes.answer(
        "ValueAccountsOfMerchant", merchant=shapes.GLN, accounts=Listing(_ACCOUNTS, 8))),
)  # fmt: skip
OF_MEMBER = Route(
    "GET", "/v1/members/<number>/value-cards", "list-member-value-cards",
    scopes("self:read", "member:read"), "The cards that were sold to a member by name", group=GROUP,
    query=PAGE_QUERY, problems=(NotYours, MemberUnknown, CursorRefused),
    success=Success(200, "A page, in the order of their ids.", paged("cards", CARD)),
)  # fmt: skip
ROUTES = (LIST, ENTRIES, CHANGE, REPLACE, ACCOUNTS, OF_MEMBER)


@dataclass(frozen=True, slots=True)
class ValueAccountsDoor:
    """The endpoints of this module."""

    administration: Administration
    cursors: Cursors
    reader: CardReader

    def listed(self, call: Call) -> Reply:
        """A page of the merchant's cards."""
        merchant_id = _merchant(call)
        page = self.cursors.page(f"value-cards:{merchant_id}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.cards_of_merchant(conn, merchant_id, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _position)
            return {"cards": [card_view(dict(row)) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def entries(self, call: Call) -> Reply:
        """A page of the card's ledger."""
        card_id, own = parse_id(call.path["value_card"], "value_card"), call.caller.merchant_id
        page = self.cursors.page(f"value-entries:{id_text(card_id)}", call.query)

        def find(conn: Connection) -> Json:
            queries.the_card(conn, card_id, own)
            found = queries.entries_of(conn, card_id, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["position"])
            return {"entries": [_entry(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def change(self, call: Call) -> Reply:
        """The card is frozen, thawed or renewed."""
        card = parse_id(call.path["value_card"], "value_card"), call.caller.merchant_id
        given, said = call.body.fields, (call.caller.subject, call.at)
        return self.administration.write(
            call,
            lambda conn: card_view(dict(standing.change(conn, card, given["act"], given["reason"], said))),
            status=200,
        )

    def replace(self, call: Call) -> Reply:
        """The card has another code."""
        card = parse_id(call.path["value_card"], "value_card"), call.caller.merchant_id
        given, said = call.body.fields, (call.caller.subject, call.at)
        shown = self.reader.shown(given["card"], given.get("pin"))
        return self.administration.write(
            call,
            lambda conn: card_view(dict(standing.replace(conn, card, shown, given["reason"], said))),
            status=200,
        )

    def accounts(self, call: Call) -> Reply:
        """The merchant's accounts, by currency."""
        merchant_id = _merchant(call)

        def find(conn: Connection) -> Json:
            found = queries.accounts_of(conn, merchant_id)
            return {"merchant": gln_text(merchant_id), "accounts": [_accounts(one) for one in found]}

        return self.administration.read(find)

    def of_member(self, call: Call) -> Reply:
        """A page of the member's own cards."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"value-cards-of:{member_id}", call.query)
            found = queries.cards_of_member(conn, member_id, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _position)
            return {"cards": [card_view(dict(row)) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: ValueAccountsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.listed, door.entries, door.change, door.replace, door.accounts, door.of_member)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _merchant(call: Call) -> int:
    named = call.query.get("merchant")
    merchant_id = reader_of(call).merchant_id if named is None else parse_gln(named, "query.merchant")
    require_merchant(call, merchant_id, "query.merchant")
    return merchant_id


def _position(row: RowMapping) -> str:
    return id_text(row["card_id"])


def _accounts(one: queries.Accounts) -> Json:
    return {
        "currency": one.currency,
        **{f"{account.value}_minor": minor for account, minor in one.through.items()},
        "cards": one.cards, "cards_minor": one.cards_minor, "held_minor": one.held_minor,
    }  # fmt: skip


def _entry(row: RowMapping) -> Json:
    return {
        "position": row["position"], "kind": row["kind"], "source": row["source"],
        "destination": row["destination"], "amount_minor": row["amount_minor"], "ref": id_text(row["ref"]),
        "reference": row["reference"],
        "store": None if row["store_gln"] is None else gln_text(row["store_gln"]),
        "terminal": row["terminal_id"], "at": format_instant(row["at"]),
    }  # fmt: skip
