"""Cards: made in bulk or taken over, bound to members, listed, lost and replaced."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import reader_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS, member_of_call, number_of_call
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant, micros_of
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import id_text
from ledger_service.members.cards import errors as refusals
from ledger_service.members.cards import registry
from ledger_service.members.cards.registry import CardView
from ledger_service.members.cards.rules import (
    CHECKS,
    MOST_CARDS_AT_ONCE,
    MOST_CARDS_OF_MEMBER,
    MOST_NUMBERS_AT_ONCE,
)
from ledger_service.members.cards.service import CardService
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant

_GROUP = "Cards"
_MOST_SHOWN = 4 * MOST_CARDS_OF_MEMBER
_TAIL = Text(4, about="The last four characters of the number")
_CARD_ID = Text(pattern="[0-9a-f]{16}", about="Names the card without its number")
_VIEW = shapes.answer(
    "Card", card_id=_CARD_ID, tail=_TAIL, bound_at=shapes.INSTANT, ended_at=Nullable(shapes.INSTANT),
    reason=Nullable(Text(one_of=("lost", "replaced"))),
)  # fmt: skip
MAKE = Route(
    "POST", "/v1/card-batches", "make-cards", scopes("member:enrol"),
    "Make cards, or take over numbers that are printed already", group=_GROUP, write=True,
    body=Named("NewCards", Record({"merchant": shapes.GLN}, {
        "count": Integer(1, MOST_CARDS_AT_ONCE, "So many fresh numbers"),
        "numbers": Listing(shapes.CARD, MOST_NUMBERS_AT_ONCE, 1, "Or these"),
        "check_digit": Text(one_of=CHECKS, about="How `numbers` end; luhn when absent"),
    })),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, refusals.CardKnown),
    success=Success(201, "In the merchant's stock; the numbers are shown this once.", shapes.answer(
        "CardBatch", batch=shapes.HEX_ID, merchant=shapes.GLN,
        numbers=Listing(shapes.CARD, MOST_CARDS_AT_ONCE))),
)  # fmt: skip
STOCK = Route(
    "GET", "/v1/cards", "list-cards", scopes("member:enrol"), "A merchant's cards, without their numbers",
    group=_GROUP, problems=(NotYours, CursorRefused),
    query={"merchant": Parameter(shapes.GLN, "The caller's own when absent"), **PAGE_QUERY},
    success=Success(200, "A page, in the order of making.", paged("cards", shapes.answer(
        "StockedCard", batch=shapes.HEX_ID, tail=_TAIL, made_at=shapes.INSTANT, used=Flag()))),
)  # fmt: skip
BIND = Route(
    "POST", "/v1/members/<number>/cards", "bind-card", scopes("member:enrol", "self:write"),
    "Give a member a card", group=_GROUP, body=Record({"card": shapes.CARD}), write=True,
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, refusals.CardUnknown,
              refusals.CardTaken, refusals.CardLimitReached),
    success=Success(201, "The member earns with it; to spend it needs a PIN.", _VIEW),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/members/<number>/cards", "list-member-cards", scopes("member:read", "self:read"),
    "A member's cards", group=_GROUP, problems=(NotYours, MemberUnknown),
    success=Success(200, "Those in force first.", shapes.answer(
        "MemberCards", cards=Listing(_VIEW, _MOST_SHOWN))),
)  # fmt: skip
LOSE = Route(
    "POST", "/v1/members/<number>/cards/lost", "lose-card", scopes("member:enrol", "self:write"),
    "A card serves nobody any more; another may take its place", group=_GROUP, write=True,
    body=Named("LostCard", Record({}, {
        "card_id": Nullable(Text(pattern="[0-9a-f]{16}", about="Which; all of the member's when absent")),
        "new_card": Nullable(shapes.CARD),
    })),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, refusals.CardUnknown,
              refusals.CardTaken, refusals.CardLimitReached),
    success=Success(200, "Ended at once, everywhere.", shapes.answer(
        "LostCards", ended=Integer(), card=Nullable(_VIEW))),
)  # fmt: skip
ROUTES = (MAKE, STOCK, BIND, LIST, LOSE)


@dataclass(frozen=True, slots=True)
class CardsDoor:
    """The endpoints of this module over the members' cards."""

    administration: Administration
    cards: CardService
    cursors: Cursors

    def make(self, call: Call) -> Reply:
        """The cards are in the merchant's stock; a retry shows the same numbers."""
        given = call.body.fields
        merchant_id = parse_gln(given["merchant"], "merchant")
        require_merchant(call, merchant_id, "merchant")
        numbers, batch_id = _numbers(given) or self.cards.registry.draw(_count(given)), self.cards.fresh_id()

        def act(conn: Connection) -> Json:
            if find_merchant(conn, merchant_id) is None:
                raise MerchantUnknown
            self.cards.registry.stock(conn, merchant_id, numbers, (batch_id, call.at))
            return {"batch": id_text(batch_id), "merchant": gln_text(merchant_id), "numbers": numbers}

        return self.administration.write(call, act, secret=True)

    def stock(self, call: Call) -> Reply:
        """A page of a merchant's cards."""
        named = call.query.get("merchant")
        merchant_id = reader_of(call).merchant_id if named is None else parse_gln(named, "query.merchant")
        require_merchant(call, merchant_id, "query.merchant")
        page = self.cursors.page(f"cards:{merchant_id}", call.query)
        after = None
        if page.after is not None:
            micros, _, last = page.after.partition(" ")
            after = (int(micros), bytes.fromhex(last))

        def find(conn: Connection) -> Json:
            found = registry.cards_after(conn, merchant_id, after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _position)
            return {"cards": [_stock_view(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def bind(self, call: Call) -> Reply:
        """The card is the member's."""
        card, own = call.body.fields["card"], call.caller.merchant_id

        def act(conn: Connection) -> Json:
            number = number_of_call(conn, call)
            return _view(self.cards.registry.bind(conn, number, card, (own, call.at)))

        return self.administration.write(call, act)

    def list_all(self, call: Call) -> Reply:
        """The member's cards."""

        def find(conn: Connection) -> Json:
            member = member_of_call(conn, call)
            found = self.cards.registry.list_of(conn, member.member_id, _MOST_SHOWN)
            return {"cards": [_view(card) for card in found]}

        return self.administration.read(find)

    def lose(self, call: Call) -> Reply:
        """The card, or all of them, ended; a new one is bound where one is named."""
        given, own = call.body.fields, call.caller.merchant_id
        new = given.get("new_card")
        said = ("lost" if new is None else "replaced", call.caller.subject, call.at)

        def act(conn: Connection) -> Json:
            number = number_of_call(conn, call)
            ended = self.cards.registry.end(conn, number, given.get("card_id"), said)
            bound = None if new is None else self.cards.registry.bind(conn, number, new, (own, call.at))
            return {"ended": ended, "card": None if bound is None else _view(bound)}

        return self.administration.write(call, act, status=200)


def served(door: CardsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.make, door.stock, door.bind, door.list_all, door.lose)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _numbers(given: Json) -> list[str]:
    """The numbers of an import; none where fresh ones are asked for."""
    if given.get("numbers") is None:
        return []
    if given.get("count") is not None:
        raise MalformedField("count", "must not stand beside numbers")
    return registry.parse_numbers(given["numbers"], given.get("check_digit", CHECKS[0]))


def _count(given: Json) -> int:
    if given.get("count") is None:
        raise MalformedField("count", "is required where there are no numbers")
    return int(given["count"])


def _position(row: RowMapping) -> str:
    return f"{micros_of(row['made_at'])} {row['number_hash'].hex()}"


def _stock_view(row: RowMapping) -> Json:
    return {
        "batch": id_text(row["batch_id"]),
        "tail": row["tail"],
        "made_at": format_instant(row["made_at"]),
        "used": row["used_at"] is not None,
    }


def _view(card: CardView) -> Json:
    return {
        "card_id": card.card_id,
        "tail": card.tail,
        "bound_at": format_instant(card.bound_at),
        "ended_at": None if card.ended_at is None else format_instant(card.ended_at),
        "reason": card.reason,
    }
