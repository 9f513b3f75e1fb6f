"""Stored-value cards at tills: sold, loaded, asked what they hold, paid out."""

from __future__ import annotations

from ledger_service.api import shapes
from ledger_service.api.basket_shapes import CARD_CODE, CARD_PIN
from ledger_service.api.endpoints.checkout import WRITE_OF_TERMINAL, caller_of, reply_of, write_of
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.checkout.day_errors import BusinessDateOutOfRange
from ledger_service.checkout.errors import WrongCurrency
from ledger_service.checkout.line_parsing import GREATEST_MINOR, MOST_TENDERS
from ledger_service.checkout.stored.requests import (
    PAYS_FOR_CARDS,
    parse_card_load,
    parse_card_payout,
    parse_card_sale,
    parse_card_shown,
)
from ledger_service.checkout.stored.service import CardCheckout
from ledger_service.coupons.stored import errors as refusals
from ledger_service.coupons.wallet.errors import CouponCodesLocked
from ledger_service.db.errors import StorageUnavailable, WriterBusy
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdAccount
from ledger_service.merchants.errors import TerminalUnknown

GROUP = "Stored value"
_AMOUNT = Integer(1, GREATEST_MINOR, "Minor units")
_TENDER = Record({"type": Text(one_of=PAYS_FOR_CARDS), "amount_minor": _AMOUNT})
_MONEY: dict[str, Schema] = {
    "card": CARD_CODE, "amount_minor": _AMOUNT, "currency": shapes.CURRENCY, "reference": shapes.REFERENCE,
    "tenders": Listing(_TENDER, MOST_TENDERS, 1, "How the till was paid; sums to the amount"),
}  # fmt: skip
FIELDS: dict[str, Schema] = {
    "card": shapes.HEX_ID, "merchant": shapes.GLN, "currency": shapes.CURRENCY,
    "state": Text(one_of=("active", "frozen")), "balance_minor": Integer(0, about="Owed to its holder"),
    "available_minor": Integer(0, about="Without what authorisations hold"),
    "most_minor": Integer(0, about="What it may hold at most"), "issued_at": shapes.INSTANT,
    "expires_at": Nullable(shapes.INSTANT),
}  # fmt: skip
CARD = shapes.answer("ValueCard", **FIELDS)
_MOVED = shapes.answer(
    "ValueCardMoved", operation=shapes.HEX_ID, amount_minor=Integer(1), reference=Text(64), **FIELDS,
    occurred_at=shapes.INSTANT,
)  # fmt: skip
_OF_CARD = (refusals.ValueCardUnknown, refusals.ValueCardNotUsable, CouponCodesLocked)
_OF_SALE = (
    *WRITE_OF_TERMINAL, *_OF_CARD, WrongCurrency, BusinessDateOutOfRange, refusals.ValueCardNotSold,
    refusals.ValueCardLimit,
)  # fmt: skip
SELL = Route(
    "POST", "/v1/value-cards", "sell-value-card", scopes("sell"), "Sell a card by its printed code",
    group=GROUP, write=True, room_checks=True,
    body=Named("SellValueCard", Record(_MONEY, {
        "pin": CARD_PIN, "member": Nullable(shapes.NUMBER), **shapes.SHIFT})),
    problems=(*_OF_SALE, MemberUnknown, MemberFrozen, HouseholdAccount),
    success=Success(201, "Sold: what was paid is owed to its holder.", _MOVED),
)  # fmt: skip
LOAD = Route(
    "POST", "/v1/value-cards/loads", "load-value-card", scopes("sell"), "Put more money on a card",
    group=GROUP, write=True, room_checks=True,
    body=Named("LoadValueCard", Record(_MONEY, shapes.SHIFT)), problems=_OF_SALE,
    success=Success(201, "Loaded.", _MOVED),
)  # fmt: skip
BALANCE = Route(
    "POST", "/v1/value-cards/balances", "show-value-balance", scopes("sell"), "What a card holds",
    group=GROUP, room_checks=True,
    body=Named("ShownValueCard", Record({"card": CARD_CODE}, {"pin": CARD_PIN})),
    problems=(refusals.ValueCardUnknown, CouponCodesLocked, NotYours, TerminalUnknown, WriterBusy,
              StorageUnavailable),
    success=Success(200, "What it holds now.", CARD),
)  # fmt: skip
PAY_OUT = Route(
    "POST", "/v1/value-cards/payouts", "pay-out-value-card", scopes("refund"),
    "Give what is left on a card in money, where the law says so", group=GROUP, write=True, room_checks=True,
    body=Named("PayOutValueCard", Record(
        {"card": CARD_CODE, "reference": shapes.REFERENCE}, {"pin": CARD_PIN, **shapes.SHIFT})),
    problems=(*WRITE_OF_TERMINAL, *_OF_CARD, BusinessDateOutOfRange, refusals.ValueCardNotPaidOut),
    success=Success(201, "The till gives `amount_minor` in money.", _MOVED),
)  # fmt: skip
ROUTES = (SELL, LOAD, BALANCE, PAY_OUT)


def served(service: CardCheckout) -> list[Served]:
    """The routes of this module bound to the checkout of cards."""

    def sell(call: Call) -> Reply:
        return reply_of(service.sell(write_of(call), parse_card_sale(call.body.fields)))

    def load(call: Call) -> Reply:
        return reply_of(service.load(write_of(call), parse_card_load(call.body.fields)))

    def balance(call: Call) -> Reply:
        return Reply(service.look(caller_of(call), parse_card_shown(call.body.fields), call.at))

    def pay_out(call: Call) -> Reply:
        return reply_of(service.pay_out(write_of(call), parse_card_payout(call.body.fields)))

    return [Served(route, end) for route, end in zip(ROUTES, (sell, load, balance, pay_out), strict=True)]
