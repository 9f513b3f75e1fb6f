"""The shapes of households, and their documents."""

from __future__ import annotations

from collections.abc import Mapping

from ledger_service.api import shapes
from ledger_service.api.administration import Json
from ledger_service.api.endpoints.devices import NEW_DEVICE
from ledger_service.api.hexadecimal import hex_text
from ledger_service.api.paging import MOST_ROWS
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.checkout.household_sales import Bought
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.money import minor_of_micros_floor
from ledger_service.ledger.queries import LotView
from ledger_service.members.households.queries import EventView, HouseholdView
from ledger_service.members.households.requests import MateView
from ledger_service.members.households.rules import MOST_MATES, PARTINGS, SPENDS

KEY: dict[str, Schema] = {"device": NEW_DEVICE, "own_lane": Integer(1, 2**32 - 1)}
RIGHTS: dict[str, Schema] = {"spends": Text(one_of=SPENDS), "sees_balances": Flag()}
LIMIT: dict[str, Schema] = {"limit_minor": Nullable(Integer(1, 9_000_000_000))}
NEW = Named("NewHousehold", Record(
    {"timezone": shapes.TIMEZONE, "parting": Text(one_of=PARTINGS), **KEY},
    {"display_name": Nullable(Text(64))},
    about="`device` proves itself for the zero address; `own_lane` is the owner's device where the key lives",
))  # fmt: skip
INVITATION = Named("HouseholdInvitation", Record({"member": shapes.NUMBER, **RIGHTS}, LIMIT))
ACCEPTANCE = Named("HouseholdAcceptance", Record(
    {"accept": Flag()}, {"shows_baskets": Flag(), "device": Nullable(NEW_DEVICE), "own_lane": KEY["own_lane"]}
))  # fmt: skip
WAITING = Record({"programme": shapes.PROGRAMME, "epoch": Integer(1), "points": shapes.POINTS}, closed=False)
_MATE = Record({
    "number": shapes.NUMBER, "display_name": Nullable(Text(200)), "role": Text(), "state": Text(),
    "spends": Text(),
    "limit_minor": Nullable(shapes.MINOR), "left_minor": Nullable(shapes.MINOR), "sees_balances": Flag(),
    "shows_baskets": Flag(), "part": Listing(WAITING),
}, closed=False)  # fmt: skip
_LOT = Record({
    "programme": shapes.PROGRAMME, "epoch": Integer(1), "available": shapes.POINTS, "held": shapes.POINTS,
    "pending": shapes.POINTS,
}, closed=False)  # fmt: skip
HOUSEHOLD = shapes.answer(
    "Household", number=shapes.NUMBER, account=shapes.ADDRESS, display_name=Nullable(Text(64)), state=Text(),
    parting=Text(), timezone=shapes.TIMEZONE, mates=Listing(_MATE, MOST_MATES * 2),
    balances=Nullable(Listing(_LOT)),
)  # fmt: skip
MINE = shapes.answer("MyHouseholds", households=Listing(Record({
    "number": shapes.NUMBER, "display_name": Nullable(Text(64)), "role": Text(), "state": Text(),
}, closed=False)))  # fmt: skip
PURCHASES = shapes.answer(
    "HouseholdPurchases",
    purchases=Listing(Record({
        "mate": Nullable(shapes.NUMBER), "occurred_at": shapes.INSTANT,
        "points": Nullable(Listing(Record({"programme": shapes.PROGRAMME, "points": shapes.POINTS}))),
        "basket": Nullable(Record({
            "sale_id": shapes.HEX_ID, "merchant": shapes.GLN, "store": shapes.GLN, "reference": Text(64, 0),
            "total_minor": shapes.MINOR,
        }, closed=False)),
    }, closed=False), MOST_ROWS),
    next_cursor=Nullable(Text(200)),
)  # fmt: skip
EVENTS = shapes.answer(
    "HouseholdEvents",
    events=Listing(Record({
        "kind": Text(), "member": Nullable(shapes.NUMBER), "by": Text(), "at": shapes.INSTANT,
    }, closed=False), MOST_ROWS),
    next_cursor=Nullable(Text(200)),
)  # fmt: skip


def household_document(
    view: HouseholdView, lots: list[LotView] | None, codes: Mapping[int, str], exponent: int
) -> Json:
    """The household as one of its mates sees it; ``lots`` None where the mate sees no balances."""
    balances = None if lots is None else [
        {"programme": codes[v.programme_id], "epoch": v.epoch, "available": v.available, "held": v.held,
         "pending": v.pending}
        for v in lots
    ]  # fmt: skip
    return {
        "number": view.number,
        "account": hex_text(view.account),
        "display_name": view.name,
        "state": view.state,
        "parting": view.parting,
        "timezone": view.timezone,
        "mates": [_mate(mate, codes, exponent) for mate in view.mates],
        "balances": balances,
    }


def waiting_document(part: Mapping[tuple[int, int], int], codes: Mapping[int, str]) -> list[Json]:
    """What waits for a mate, as legs of the gift that fetches it."""
    return [
        {"programme": codes[programme], "programme_id": programme, "epoch": epoch, "points": points}
        for (programme, epoch), points in sorted(part.items())
    ]


def purchase_document(
    one: Bought, mate: str | None, shown: tuple[bool, bool], codes: Mapping[int, str]
) -> Json:
    """A sale of the household; ``shown`` says whether its points and whether its basket may be seen."""
    record, (points, basket) = one.record, shown
    paid = () if record.spent is None else record.spent.paid
    return {
        "mate": mate,
        "occurred_at": format_instant(record.occurred_at),
        "points": [{"programme": codes[p], "points": n} for p, n, _ in paid] if points else None,
        "basket": {
            "sale_id": id_text(record.sale_id),
            "merchant": gln_text(record.merchant_id),
            "store": gln_text(record.store_gln),
            "reference": record.reference,
            "total_minor": record.total_minor,
        } if basket else None,
    }  # fmt: skip


def event_document(event: EventView) -> Json:
    """What happened."""
    return {"kind": event.kind, "member": event.number, "by": event.by, "at": format_instant(event.at)}


def _mate(mate: MateView, codes: Mapping[int, str], exponent: int) -> Json:
    def minor(micros: int | None) -> int | None:
        return None if micros is None else minor_of_micros_floor(micros, exponent)

    return {
        "number": mate.number, "display_name": mate.name, "role": mate.role, "state": mate.state,
        "spends": mate.spends, "limit_minor": minor(mate.limit_micros), "left_minor": minor(mate.left_micros),
        "sees_balances": mate.sees_balances, "shows_baskets": mate.shows_baskets,
        "part": waiting_document(mate.due, codes),
    }  # fmt: skip
