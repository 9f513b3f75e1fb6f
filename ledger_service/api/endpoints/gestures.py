"""Gifts between members, and adjustments that one person asks for and another approves (D18)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import reply_of
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import NotYours
from ledger_service.api.hexadecimal import parse_address, parse_signature
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Record, Text
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln, parse_gsrn
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.kernel.points import MOST_LEGS, Leg
from ledger_service.ledger.errors import InsufficientPoints
from ledger_service.members import queries as members
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.households.errors import HouseholdGiftRefused
from ledger_service.members.households.queries import has_to_do_with
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.points import errors as refusals
from ledger_service.points.adjustments import EXTENSION, Asked, Decision
from ledger_service.points.requests import AskAdjustment, GiftRequest
from ledger_service.points.service import PointsService
from ledger_service.risk.errors import HeldForReview, RefusedByRules

_GROUP = "Gifts and adjustments"
_LEG = Record(
    {
        "programme_id": Integer(1, 2**31 - 1),
        "terms_version": Integer(1, 2**16 - 1),
        "epoch": Integer(1, 2**31 - 1),
        "amount": Integer(1),
    }
)
GIFT = Route(
    "POST", "/v1/gifts", "gift", scopes("self:write", "member:write"), "Give points under a signed permit",
    group=_GROUP, write=True,
    body=Named("Gift", Record(
        {"giver": shapes.ADDRESS, "recipient": shapes.ADDRESS, "legs": Listing(_LEG, MOST_LEGS, 1),
         "nonce": Text(pattern="[0-9]{1,20}", about="Lane and counter as one decimal number"),
         "valid_until": Integer(1, 2**40 - 1), "signature": shapes.SIGNATURE})),
    problems=(*WRITE_PROBLEMS, NotYours, MemberUnknown, MemberFrozen, InsufficientPoints,
              refusals.GiftToSelf, refusals.GiftRefused, refusals.GiftPermitInvalid,
              refusals.CustodialLimitExceeded, refusals.IssuerSuspended, HouseholdGiftRefused, HeldForReview,
              RefusedByRules),
    success=Success(201, "Given.", shapes.answer("GiftGiven", operation=shapes.HEX_ID)),
)  # fmt: skip
ASK = Route(
    "POST", "/v1/adjustments", "ask-adjustment", scopes("member:write"),
    "Ask for points to be added or extended",
    group=_GROUP, write=True,
    body=Named("NewAdjustment", Record(
        {"member": shapes.NUMBER, "programme": shapes.PROGRAMME, "points": Integer(1),
         "reason": Text(one_of=("goodwill", "correction", "extension")), "note": Text(500),
         "funder": shapes.GLN},
        {"epoch": Integer(1, 65_535, "Of an extension: the epoch that the points are in"),
         "into_epoch": Integer(1, 65_535, "Of an extension: the later epoch that they go to")})),
    problems=(*WRITE_PROBLEMS, MemberUnknown, MerchantUnknown, refusals.ProgrammeUnknown,
              refusals.AdjustmentLimitReached, refusals.HouseTakesNoExtensions),
    success=Success(201, "It waits for a second person.",
                    shapes.answer("Adjustment", adjustment=shapes.HEX_ID)),
)  # fmt: skip
DECIDE = Route(
    "POST", "/v1/adjustments/<adjustment>/decision", "decide-adjustment", scopes("member:write"),
    "Approve or decline what another person asked for", group=_GROUP, write=True,
    body=Record({"approve": Flag()}),
    problems=(*WRITE_PROBLEMS, refusals.AdjustmentUnknown, refusals.AdjustmentDecided,
              refusals.SecondPersonNeeded, refusals.NotIssuable, refusals.IssuerSuspended, MemberFrozen,
              refusals.OperationAdopted, refusals.NothingToExtend, refusals.AdjustmentLimitReached),
    success=Success(200, "Decided.", Record({"state": Text(one_of=("approved", "declined"))}, closed=False)),
)  # fmt: skip
ROUTES = (GIFT, ASK, DECIDE)


@dataclass(frozen=True, slots=True)
class GesturesDoor:
    """The endpoints of this module over the points room."""

    administration: Administration
    points: PointsService

    def gift(self, call: Call) -> Reply:
        """The recipient has the points."""
        request = _gift_request(call.body.fields)
        self.administration.read(lambda conn: _check_giver(conn, call, request.giver))
        keyed = self.administration.keyed(call, 201, lambda op_id: {"operation": id_text(op_id)})
        return reply_of(self.points.gift(request, call.at, keyed))

    def ask(self, call: Call) -> Reply:
        """The adjustment waits for a second person."""
        given = call.body.fields
        request = AskAdjustment(
            member_number=parse_gsrn(given["member"], "member"),
            programme=given["programme"],
            points=given["points"],
            reason=given["reason"],
            note=given["note"],
            funder_merchant_id=parse_gln(given["funder"], "funder"),
            epoch=given.get("epoch"),
            into_epoch=given.get("into_epoch"),
        )
        _check_epochs(request)
        asked = Asked(call.caller.subject, call.key, call.at)

        def act(conn: Connection) -> Json:
            return {"adjustment": id_text(self.points.ask_in(conn, request, asked)), "state": "asked"}

        return self.administration.write(call, act)

    def decide(self, call: Call) -> Reply:
        """The adjustment is approved and carried out, or declined."""
        adjustment = parse_id(call.path["adjustment"], "adjustment")
        approve = call.body.fields["approve"]
        decision = Decision(adjustment, call.caller.subject, approve, call.at)
        keyed = self.administration.keyed(call, 200, lambda state: {"state": state})
        return reply_of(self.points.decide_adjustment(decision, keyed))


def served(door: GesturesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.gift, door.ask, door.decide)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _check_epochs(request: AskAdjustment) -> None:
    extends = request.reason == EXTENSION
    for name, value in (("epoch", request.epoch), ("into_epoch", request.into_epoch)):
        if extends != (value is not None):
            raise MalformedField(name, "is needed for an extension, and has no meaning for anything else")


def _gift_request(given: dict[str, Any]) -> GiftRequest:
    legs = tuple(
        Leg(leg["programme_id"], leg["terms_version"], leg["epoch"], leg["amount"]) for leg in given["legs"]
    )
    return GiftRequest(
        giver=parse_address(given["giver"], "giver"),
        recipient=parse_address(given["recipient"], "recipient"),
        legs=legs,
        nonce=parse_nonce(given["nonce"]),
        valid_until=given["valid_until"],
        signature=parse_signature(given["signature"], "signature"),
    )


def parse_nonce(text: str) -> int:
    """The number of a permit: 64 bits, as decimal text.

    Raises:
        MalformedField: more than 64 bits.
    """
    nonce = int(text)
    if nonce >= 2**64:
        raise MalformedField("nonce", "must be less than 2^64")
    return nonce


def _check_giver(conn: Connection, call: Call, account: bytes) -> Json:
    own = call.caller.member_id
    found = members.find_by_account(conn, account)
    if own is None or (found is not None and found.member_id == own):
        return {}
    # A household's points are its mates' to give, as far as they are their part.
    if found is None or not found.household or not has_to_do_with(conn, found.member_id, own):
        raise NotYours("giver")
    return {}
