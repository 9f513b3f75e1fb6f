"""The shapes of bodies and answers that several routes share; the checkout's own parser is the strict one."""

from __future__ import annotations

from ledger_service.api.basket_shapes import (
    ALLOWANCE,
    HELD_CARD,
    LINES,
    PAID_BY,
    QUOTED_LINE,
    QUOTED_TENDER,
    REFUNDED_TENDERS,
    RETURNED_LINE,
)
from ledger_service.api.schema import (
    Either,
    Flag,
    Free,
    Integer,
    Listing,
    Named,
    Nullable,
    Record,
    Schema,
    Text,
)

HEX_ID = Text(pattern="[0-9a-f]{32}", about="32 lower-case hex digits")
GLN = Text(pattern="[0-9]{13}", about="GLN, 13 digits", format="gln")
NUMBER = Text(pattern="[0-9]{18}", about="Member number (GSRN), 18 digits", format="gsrn")
TERMINAL = Text(pattern="t[0-9a-f]{16}", about="Id of a terminal")
KEY_ID = Text(pattern="[0-9a-f]{16}", about="Public id of an API key")
PROGRAMME = Text(pattern="[A-Z0-9]{2,12}", about="Code of a programme", format="programme-code")
INSTANT = Text(40, about="RFC 3339, UTC", format="date-time")
ADDRESS = Text(pattern="0x[0-9a-fA-F]{40}", about="20-byte address")
SIGNATURE = Text(132, pattern="0x[0-9a-fA-F]{130}", about="65 bytes r, s, v")
POINTS = Integer(about="Points")
MINOR = Integer(about="Minor units of the alliance's currency")
CURRENCY = Text(pattern="[A-Z]{3}", about="ISO 4217 code", format="iso-4217")
TIMEZONE = Text(64, about="IANA time zone", format="iana-time-zone")
REFERENCE = Text(64, about="The till's own reference, for people")
DATE = Text(10, pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}", about="YYYY-MM-DD", format="date")
PAY_CODE = Text(400, about="The text of the QR (`AL1:…`) or the 18 digits", format="pay-code")

CARD = Text(64, 4, about="The number on a card, with its check digit")
PHONE = Text(64, about="International phone number, beginning with +")
PIN = Text(pattern="[0-9]{4,8}", about="The card's PIN, as the member typed it")
TILL_CODE = Text(pattern="[0-9]{8}", about="The one-time code that the member was sent")
MEMBER = Named(
    "PresentedMember",
    Either(
        (
            Record({"pay_code": PAY_CODE}),
            Record({"number": NUMBER}, {"code": Nullable(TILL_CODE)}),
            Record({"card": CARD}, {"pin": Nullable(PIN), "code": Nullable(TILL_CODE)}),
            Record({"phone": PHONE}, {"code": Nullable(TILL_CODE)}),
        )
    ),
)
EARNING_MEMBER = Named(
    "EarningMember",
    Either((Record({"number": NUMBER}), Record({"card": CARD}), Record({"phone": PHONE}))),
)
SPEND = Named(
    "Spend",
    Either(
        (
            Listing(Record({"programme": PROGRAMME, "points": Integer(1)}), 8, 1),
            Record({"max_value_minor": Integer(1, 9_000_000_000)}),
        )
    ),
)
ACCEPTANCE = Record({"accepted_at": INSTANT}, {"signature": Nullable(SIGNATURE)})

_BASKET: dict[str, Schema] = {"store": GLN, "currency": CURRENCY, "lines": LINES}
CASHIER = Text(pattern="[A-Za-z0-9._-]{1,32}", about="The merchant's own id of who serves, no name")
STEP_UP: dict[str, Schema] = {
    "step_up": Nullable(Text(pattern="[0-9a-f]{32}", about="`challenge` that this pay code answers")),
}
WITH_MEMBER: dict[str, Schema] = {
    "member": Nullable(MEMBER),
    "spend": Nullable(SPEND),
    "acceptance": Nullable(ACCEPTANCE),
    **STEP_UP,
}
SHIFT: dict[str, Schema] = {
    "business_date": Nullable(
        Text(10, pattern="[0-9]{4}-[0-9]{2}-[0-9]{2}", format="date",
             about="Within a day of what the store's clock says; that one where absent")
    ),
    "cashier": Nullable(CASHIER),
    "training": Flag("Answered as it would be, and nothing happens"),
}  # fmt: skip
_NAMED: dict[str, Schema] = {
    "ids": Listing(HEX_ID, 20, about="Coupons of the member by their ids"),
    "codes": Listing(Text(200), 10, about="Codes as they were typed or scanned"),
}
COUPONS: dict[str, Schema] = {
    "coupons": Nullable(Record(
        {}, {**_NAMED, "wallet": Flag("Also what else the member's wallet holds")},
        about="The best lawful combination of these is used")),
}  # fmt: skip
COUPONS_TAKEN: dict[str, Schema] = {
    "coupons": Nullable(Record(
        {"taken_minor": Integer(0, about="What the till took off for them; they cover no more")}, _NAMED)),
}  # fmt: skip
QUOTE_BODY = Named(
    "QuoteBody",
    Record(_BASKET, {"reference": Nullable(REFERENCE), **WITH_MEMBER, **PAID_BY, **SHIFT, **COUPONS}),
)
SALE_BODY = Named(
    "SaleBody", Record(_BASKET | {"reference": REFERENCE}, WITH_MEMBER | PAID_BY | SHIFT | COUPONS)
)
OFFLINE_SALE_BODY = Named(
    "OfflineSaleBody",
    Record(_BASKET | {"reference": REFERENCE}, WITH_MEMBER | PAID_BY | SHIFT | COUPONS_TAKEN),
)
TTL = Integer(30, 3 * 86_400, "Seconds")
AUTHORISE_BODY = Named(
    "AuthorisationBody",
    Record(
        _BASKET | {"reference": REFERENCE, "member": MEMBER, "spend": SPEND},
        {
            "acceptance": Nullable(ACCEPTANCE),
            "ttl_seconds": TTL,
            "several": Flag("Several captures will follow"),
            "cashier": Nullable(CASHIER),
            **STEP_UP,
            **COUPONS,
            "tenders": Nullable(Listing(HELD_CARD, 20, 1, "Stored-value cards to hold")),
        },
    ),
)
CAPTURE_BODY = Named(
    "CaptureBody",
    Record(
        {"lines": LINES, "reference": REFERENCE},
        {
            "spend": Nullable(SPEND),
            "final": Flag("Free what is left of the hold"),
            "delivered_at": Nullable(
                Text(
                    40,
                    about="When the goods left, RFC 3339: counts if the member was frozen later",
                    format="date-time",
                )
            ),
            **PAID_BY,
            **SHIFT,
        },
    ),
)
VOID_BODY = Record({}, SHIFT, about="May be empty, or no body at all")
EXTEND_BODY = Record({"ttl_seconds": TTL})
EMPTY_BODY = Record(about="An empty object, or no body")
REFUND_BODY = Named(
    "RefundBody",
    Record(
        {"reference": REFERENCE},
        {"lines": Nullable(Listing(RETURNED_LINE, 200, 1)), "allowance": Nullable(ALLOWANCE), **SHIFT},
    ),
)
PAY_CODE_BODY = Record({"pay_code": PAY_CODE})


def answer(name: str, **fields: Schema) -> Named:
    """A named object of an answer with these fields always there; answers may grow further ones."""
    return Named(name, Record(fields, closed=False))


LEG = Record({"epoch": Integer(1), "points": POINTS}, closed=False)
SPENT = answer(
    "Spent",
    programme=PROGRAMME,
    points=POINTS,
    value_minor=MINOR,
    legs=Listing(LEG, 8),
    terms_version=Integer(1),
)
EVENT = Text(32, pattern="[a-z][a-z0-9._-]{0,31}", about="What happened, such as delivered or paid")
AWAITED = Text(32, about="An event of the sale, or `care:review` until the care desk has looked")
EARNED = answer(
    "Earned", programme=PROGRAMME, points=POINTS, rule_version=Integer(1), vests_at=Nullable(INSTANT),
    awaits=Nullable(AWAITED),
    tier=Nullable(Record({"tier": Text(12), "ladder_version": Integer(1)}, closed=False, about="With rate")),
)  # fmt: skip
RECEIPT = Free("The service's signed receipt of the capture (D13)")
_SHIFT_OF: dict[str, Schema] = {
    "business_date": Nullable(DATE),
    "cashier": Text(32),
    "training": Flag("Nothing of this has happened"),
}
SALE = Named(
    "Sale",
    Record(
        {
            "sale_id": HEX_ID,
            "state": Text(),
            "merchant": GLN,
            "store": GLN,
            "reference": Text(64, 0),
            "total_minor": MINOR,
            "spent": Listing(SPENT, 8),
            "points_value_minor": MINOR,
            "due_minor": MINOR,
            "earned": Listing(EARNED),
            "receipt": RECEIPT,
            "operations": Listing(HEX_ID),
        },
        _SHIFT_OF,
        closed=False,
    ),
)
REFUND = Named(
    "Refund",
    Record(
        {
            "refund_id": HEX_ID,
            "sale_id": HEX_ID,
            "refunded_minor": MINOR,
            "points_value_minor": MINOR,
            "cash_minor": MINOR,
            "cash_withheld_minor": MINOR,
            "receipt": RECEIPT,
        },
        {
            "tenders": REFUNDED_TENDERS,
            "sold_by": GLN,
            "coupons": Listing(Record(closed=False)),
            "claim_undone": Record({"programme": PROGRAMME, "points": POINTS, "debt": POINTS}),
            **_SHIFT_OF,
        },
        closed=False,
    ),
)
QUOTE = answer(
    "Quote",
    currency=CURRENCY,
    total_minor=MINOR,
    points_value_minor=MINOR,
    due_minor=MINOR,
    lines=Listing(QUOTED_LINE, 200),
    tenders=Listing(QUOTED_TENDER),
)
