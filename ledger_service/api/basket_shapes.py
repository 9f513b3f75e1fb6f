"""The shapes of a basket's lines and tenders; ``checkout.line_parsing`` is the strict parser of both."""

from __future__ import annotations

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
from ledger_service.checkout import line_parsing as limits
from ledger_service.checkout.invoices import Carrier, Scheme
from ledger_service.points.basis import GoodsKind, TenderType

_AMOUNT = Integer(0, limits.GREATEST_MINOR, "Minor units")
_GLN = Text(pattern="[0-9]{13}", about="GLN, 13 digits", format="gln")
_OTHERWISE = (TenderType.POINTS, TenderType.STORED_VALUE)
_PROGRAMME = Text(pattern="[A-Z0-9]{2,12}", about="Code of a programme", format="programme-code")
_COUNTS: dict[str, Schema] = {
    "quantity": Nullable(Integer(1, limits.GREATEST_QUANTITY, "Pieces")),
    "weight_grams": Nullable(Integer(1, limits.GREATEST_MEASURE, "Grams, instead of pieces")),
    "measure": Nullable(
        Record(
            {"unit": Text(one_of=limits.UNITS), "thousandths": Integer(1, limits.GREATEST_MEASURE)},
            about="Thousandths of the unit, instead of pieces",
        )
    ),
}
TAX = Named(
    "LineTax",
    Record(
        {"rate_bps": Integer(0, limits.WHOLE_BPS, "Hundredths of a percent"), "amount_minor": _AMOUNT},
        {"included": Flag("Whether `amount_minor` of the line holds it; yes where absent")},
    ),
)
LINE_REQUIRED: dict[str, Schema] = {
    "line": Text(32, about="Name of the line, unique in the basket"),
    "category": Text(64),
    "amount_minor": Integer(0, limits.GREATEST_MINOR, "Total of the line"),
}
LINE_OPTIONAL: dict[str, Schema] = {
    **_COUNTS,
    "sku": Nullable(Text(64)),
    "gtin": Nullable(Text(14, 8, format="gtin")),
    "goods_kind": Nullable(Text(one_of=tuple(GoodsKind), about="`merchandise` where absent")),
    "tax": Nullable(TAX),
    "price_override": Nullable(Record({"regular_minor": _AMOUNT, "reason": Text(64)})),
    "staff_discount_minor": Nullable(_AMOUNT),
}
LINE = Named(
    "Line",
    Record(
        LINE_REQUIRED,
        LINE_OPTIONAL,
        about="Exactly one of `quantity`, `weight_grams` and `measure` says how much",
    ),
)
LINES = Listing(LINE, limits.MOST_LINES, 1)
RETURNED_LINE = Record({"line": Text(32)}, _COUNTS, about="Counted in the unit that the line was sold in")
CARD_CODE = Text(limits.LONGEST_CARD, about="Code of a stored-value card; in a capture the card's id")
CARD_PIN = Nullable(Text(12, pattern="[0-9]{4,12}", about="PIN of the card, where it has one"))
TENDER = Named(
    "Tender",
    Either(
        (
            Record(
                {
                    "type": Text(one_of=(TenderType.POINTS,)),
                    "amount_minor": _AMOUNT,
                    "programme": _PROGRAMME,
                    "points": Integer(1, about="Points"),
                },
                {"reference": Nullable(Text(64))},
            ),
            Record(
                {"type": Text(one_of=(TenderType.STORED_VALUE,)), "amount_minor": _AMOUNT},
                {"reference": Nullable(Text(64)), "card": Nullable(CARD_CODE), "pin": CARD_PIN},
            ),
            Record(
                {"type": Text(one_of=tuple(t for t in TenderType if t not in _OTHERWISE))}
                | {"amount_minor": _AMOUNT},
                {
                    "reference": Nullable(Text(64)),
                    "funder": Nullable(_GLN),
                },
            ),
        )
    ),
)
HELD_CARD = Record(
    {"type": Text(one_of=(TenderType.STORED_VALUE,)), "amount_minor": _AMOUNT, "card": CARD_CODE},
    {"reference": Nullable(Text(64)), "pin": CARD_PIN},
)
TENDERS = Listing(TENDER, limits.MOST_TENDERS, 1, "How it is paid; sums to the total")
INVOICE = Named(
    "Invoice",
    Record(
        {"scheme": Text(one_of=tuple(Scheme)), "number": Text(20)},
        {
            "carrier": Nullable(
                Record(
                    {"kind": Text(one_of=tuple(Carrier)), "id": Text(64)},
                    about="What keeps a Taiwanese invoice for the buyer",
                )
            )
        },
        about="Number of the invoice, in the form that its scheme prescribes",
    ),
)
ALLOWANCE = Named(
    "Allowance",
    Record({"scheme": Text(one_of=tuple(Scheme)), "number": Text(20)}, about="Number of the allowance"),
)
PAID_BY: dict[str, Schema] = {"tenders": Nullable(TENDERS), "invoice": Nullable(INVOICE)}

_NATURE = Text(one_of=("discount", "payment"))
_FUNDER = Text(13, about="GLN of who bears it, or `member`")
_RULE = Free("`name` of the rule that decided, with its version where it has one")
QUOTED_LINE = Named(
    "QuotedLine",
    Record(
        {
            "line": Text(32),
            "amount_minor": _AMOUNT,
            "goods_kind": Text(one_of=tuple(GoodsKind)),
            "payable_with_points_minor": _AMOUNT,
            "reductions": Listing(
                Record(
                    {"nature": _NATURE, "amount_minor": _AMOUNT, "funder": _FUNDER, "rule": _RULE},
                    closed=False,
                )
            ),
            "tax_minor": _AMOUNT,
            "tax_base_minor": _AMOUNT,
            "rules": Listing(
                Record(
                    {
                        "programme": _PROGRAMME,
                        "rule_version": Integer(1),
                        "earns": Flag(),
                        "points_may_pay": Flag(),
                    },
                    closed=False,
                )
            ),
        },
        closed=False,
    ),
)
QUOTED_TENDER = Named(
    "QuotedTender",
    Record(
        {
            "type": Text(one_of=(*TenderType, "unstated")),
            "amount_minor": _AMOUNT,
            "nature": _NATURE,
            "funder": _FUNDER,
            "tax_base_minor": _AMOUNT,
            "rule": _RULE,
        },
        closed=False,
    ),
)
REFUNDED_TENDERS = Listing(
    Record({"type": Text(one_of=tuple(TenderType)), "amount_minor": _AMOUNT}, closed=False),
    about="How much goes back to which tender, where the sale named its tenders",
)
