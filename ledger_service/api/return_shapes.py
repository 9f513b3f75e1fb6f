"""The shapes of exchanges, returns without a receipt and rules of returns."""

from __future__ import annotations

from ledger_service.api import basket_shapes, shapes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.checkout.line_parsing import GREATEST_MINOR, MOST_LINES
from ledger_service.checkout.return_rules import Order, Where

_MOST_PARTNERS = 1_000
_AMOUNT = Integer(1, GREATEST_MINOR, "Minor units")

POLICY = Named(
    "ReturnPolicy",
    Record(
        {},
        {
            "where": Text(one_of=tuple(Where), about="`merchant` where absent"),
            "partners": Listing(shapes.GLN, _MOST_PARTNERS, about="Merchants that may take these goods back"),
            "takes_back_for": Listing(
                shapes.GLN, _MOST_PARTNERS, about="Merchants whose goods this one takes"
            ),
            "order": Text(one_of=tuple(Order), about="What of a line goes back first"),
            "within_days": Nullable(Integer(1, 3_660)),
            "without_receipt": Nullable(
                Record({"most_minor": _AMOUNT, "most_per_day": Integer(1, 100)}, about="Null: refused")
            ),
        },
    ),
)
POLICY_ANSWER = shapes.answer(
    "ReturnPolicyInForce",
    merchant=shapes.GLN,
    where=Text(one_of=tuple(Where)),
    order=Text(one_of=tuple(Order)),
)
EXCHANGED_LINE = Named(
    "ExchangedLine",
    Record(
        basket_shapes.LINE_REQUIRED,
        basket_shapes.LINE_OPTIONAL
        | {"price_of": Nullable(Text(32, about="A returned line of the same price"))},
    ),
)
EXCHANGE_BODY = Named(
    "ExchangeBody",
    Record(
        {
            "sale": shapes.HEX_ID,
            "returned": Listing(basket_shapes.RETURNED_LINE, MOST_LINES, 1),
            "store": shapes.GLN,
            "currency": shapes.CURRENCY,
            "reference": shapes.REFERENCE,
            "lines": Listing(EXCHANGED_LINE, MOST_LINES, 1),
        },
        {**shapes.WITH_MEMBER, **basket_shapes.PAID_BY, "allowance": Nullable(basket_shapes.ALLOWANCE)}
        | shapes.SHIFT
        | shapes.COUPONS,
    ),
)
EXCHANGE = shapes.answer(
    "Exchange",
    exchange_id=shapes.HEX_ID,
    refund=shapes.REFUND,
    sale=shapes.SALE,
    to_pay_minor=shapes.MINOR,
    to_give_back_minor=shapes.MINOR,
)
UNRECEIPTED_BODY = Named(
    "UnreceiptedReturnBody",
    Record(
        {
            "reference": shapes.REFERENCE,
            "currency": shapes.CURRENCY,
            "member": Record({"number": shapes.NUMBER}),
            "lines": basket_shapes.LINES,
        },
        shapes.SHIFT,
    ),
)
UNRECEIPTED = shapes.answer(
    "UnreceiptedReturn",
    return_id=shapes.HEX_ID,
    total_minor=shapes.MINOR,
    earn_withheld_minor=shapes.MINOR,
    store_credit_minor=shapes.MINOR,
    receipt=shapes.RECEIPT,
)
