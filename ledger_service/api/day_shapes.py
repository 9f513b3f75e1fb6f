"""The shapes of business days: control totals, lines, differences, closes."""

from __future__ import annotations

from ledger_service.api import shapes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.checkout.days.rules import TENDERS, Operation, Unmatched

MOST_LINES = 500
MOST_PARTS = 1_000
_GREATEST = 2**53 - 1
_KIND = Text(one_of=tuple(Operation))
_COUNT = Integer(0, 1_000_000_000, "How many")
_SUM = Integer(-_GREATEST, _GREATEST, "Minor units; below zero where more was given back than taken")
_TENDER = Record({"type": Text(one_of=TENDERS, about="`unstated` where a sale named no tenders"),
                  "amount_minor": _SUM})  # fmt: skip
TOTAL = Named(
    "DayTotal",
    Record(
        {"operation": _KIND, "count": _COUNT, "amount_minor": _SUM},
        {"tenders": Nullable(Listing(_TENDER, len(TENDERS), about="Not compared where absent"))},
    ),
)
TOTALS = Listing(TOTAL, len(Operation))
_PART = Integer(1, MOST_PARTS, "Its number; sent again it takes the place of the one before")
LINES_BODY = Named(
    "DayLines",
    Record(
        {
            "part": _PART,
            "lines": Listing(
                Record({"operation": _KIND, "reference": shapes.REFERENCE, "amount_minor": _SUM}),
                MOST_LINES,
                1,
            ),
        }
    ),
)
CLOSE_BODY = Named(
    "DayClose",
    Record(
        {"totals": TOTALS},
        {"parts": Integer(0, MOST_PARTS, "How many parts of lines to compare; none where absent")},
    ),
)
DIFFERENCE = Record(
    {
        "operation": _KIND,
        "field": Text(one_of=("count", "amount_minor")),
        "tender": Nullable(Text(one_of=TENDERS)),
        "till": _SUM,
        "ledger": _SUM,
    },
    closed=False,
)
_STATE = Text(one_of=("balanced", "differs"))
_MOST_DIFFERENCES = len(Operation) * (2 + len(TENDERS))
CLOSED = shapes.answer(
    "ClosedDay",
    store=shapes.GLN,
    business_date=shapes.DATE,
    close=Integer(1),
    state=_STATE,
    till=TOTALS,
    ledger=TOTALS,
    differences=Listing(DIFFERENCE, _MOST_DIFFERENCES),
    unmatched=Nullable(Integer(0, about="Lines without a match; null where no lines were compared")),
)
DAY = shapes.answer(
    "BusinessDay",
    store=shapes.GLN,
    business_date=shapes.DATE,
    timezone=Text(),
    begins_at=shapes.INSTANT,
    ends_at=shapes.INSTANT,
    state=Text(one_of=("open", "balanced", "differs")),
    closes=Integer(0),
    closed_at=Nullable(shapes.INSTANT),
    ledger=TOTALS,
    late=Listing(TOTAL, len(Operation), about="What came after the latest close; part of `ledger`"),
    differences=Listing(DIFFERENCE, _MOST_DIFFERENCES),
)
DAY_ROW = Record({"business_date": shapes.DATE, "closes": Integer(0)}, closed=False)
CLOSE_ROW = Record(
    {"close": Integer(1), "state": _STATE, "closed_at": shapes.INSTANT, "till": TOTALS, "ledger": TOTALS},
    closed=False,
)
GAP = Record(
    {"reason": Text(one_of=tuple(Unmatched)), "operation": _KIND, "reference": Text(64, 0)}, closed=False
)
BOOKED = Record({"id": shapes.HEX_ID, "operation": _KIND, "amount_minor": _SUM}, closed=False)
CASHIER = Record({"terminal": Text(64), "cashier": Nullable(Text(32)), "totals": TOTALS}, closed=False)
