"""What the care desk does for one member beyond freezing: points with a second approver, cards, claims."""

from __future__ import annotations

from ledger_service.web.office.blocks import Acts, Block, Cell, Facts, Field, Rows, Sheet
from ledger_service.web.office.deeds import Deed, screens_of
from ledger_service.web.office.reading import code, instant, listed, money, number, shows, state, worded
from ledger_service.web.screen import Screen, Visit, roles

OPERATOR = roles("operator")
REASONS = ("goodwill", "correction", "extension")


def desk(visit: Visit) -> Sheet:
    """What the member has besides points, and what can be done for it."""
    number_ = visit.path["number"]
    path = f"/v1/members/{number_}"
    told, cards = visit.get(path), visit.get(f"{path}/cards")["cards"]
    facts = Facts([("col.state", worded(visit, told["status"])),
                   ("care.custody", worded(visit, told["custody"])),
                   ("care.devices", visit.formats.number(len(told["devices"]))),
                   ("care.cards",
                    visit.formats.number(sum(1 for one in cards if one["ended_at"] is None)))])  # fmt: skip
    blocks: list[Block] = [
        facts, _pending(visit, path), _coupons(visit, path), _reviews(visit, path), _claims(visit, path),
        Rows("care.cards", ("care.tail", "col.from", "col.until", "col.reason"),
             [[code(f"…{one['tail']}"), instant(visit, one["bound_at"]), instant(visit, one["ended_at"]),
               state(one["reason"] or "–")] for one in cards], empty="care.no_cards"),
        Acts([ADJUST.form(visit, {"member": number_}, number=number_), CLAIM.form(visit, number=number_)]),
    ]  # fmt: skip
    return Sheet("care.desk", blocks, number_, "care.desk_lead", back=f"/care/{number_}")


def _pending(visit: Visit, path: str) -> Rows:
    found, more = listed(visit, f"{path}/pending", "pending", f"/care/{visit.path['number']}/desk")
    rows = [
        [code(one["programme"]), number(visit, one["points"]), instant(visit, one["vests_at"]),
         Cell(one["awaits"] or "–")]
        for one in found
    ]  # fmt: skip
    return Rows(
        "care.pending",
        ("col.programme", "col.points", "col.until", "care.awaits"),
        rows,
        more,
        "care.no_pending",
    )


def _coupons(visit: Visit, path: str) -> Rows:
    told = visit.get(f"{path}/coupons", limit="10")["coupons"]
    rows = [[code(one["coupon"][:8]), state(one["state"]), instant(visit, one["claimed_at"]),
             instant(visit, one["expires_at"])] for one in told]  # fmt: skip
    return Rows(
        "care.coupons", ("col.code", "col.state", "col.from", "col.until"), rows, empty="care.no_coupons"
    )


def _reviews(visit: Visit, path: str) -> Rows:
    told = visit.get(f"{path}/reviews")["reviews"]
    rows = [[code(one["review"][:8], f"/operator/reviews/{one['review']}"), state(one["state"]),
             state(one["reason"]), instant(visit, one["until"])] for one in told]  # fmt: skip
    return Rows(
        "care.reviews", ("col.review", "col.state", "col.reason", "col.until"), rows, empty="care.no_reviews"
    )


def _claims(visit: Visit, path: str) -> Rows:
    told = visit.get(f"{path}/claims", limit="10")["claims"]
    rows = [[code(one["reference"], f"/approvals/claims/{one['claim']}"),
             Cell(visit.formats.date(one["sold_on"])), money(visit, one["amount_minor"]),
             state(one["state"])] for one in told]  # fmt: skip
    return Rows(
        "care.claims",
        ("col.reference", "col.sold_on", "col.amount", "col.state"),
        rows,
        empty="care.no_claims",
    )


ADJUST = Deed(
    "ask-adjustment", "/care/<number>/adjustments", "/v1/adjustments", OPERATOR, "/approvals/adjustments",
    desk,
    (Field("member", "text", "field.member"), Field("programme", "text", "field.programme"),
     Field("points", "int", "field.points"), Field("reason", "choice", "field.reason", options=REASONS),
     Field("note", "long", "field.note"), Field("funder", "merchant", "field.funder"),
     Field("epoch", "int", "field.epoch", optional=True), Field("into_epoch", "int", "field.into_epoch",
                                                                optional=True)),
    hidden=("member",), risky=True,
)  # fmt: skip
CLAIM = Deed(
    "file-claim", "/care/<number>/claims", "/v1/members/{number}/claims", OPERATOR, "/care/{number}/desk",
    desk,
    (Field("store", "text", "field.store"), Field("sold_on", "day", "field.sold_on"),
     Field("reference", "text", "field.reference"), Field("amount_minor", "money", "field.amount"),
     Field("code", "text", "field.receipt_code", optional=True)),
)  # fmt: skip
SCREENS = (
    Screen("GET", "/care/<number>/desk", "care-desk", OPERATOR, shows(desk)),
    *screens_of(ADJUST, CLAIM),
)
