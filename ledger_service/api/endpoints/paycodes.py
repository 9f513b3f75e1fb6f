"""Pay codes: what became of one, revoke one, and pictures of codes for members in custody."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.checkout import WRITE_OF_TERMINAL, caller_of, reply_of, write_of
from ledger_service.api.endpoints.devices import member_of_call
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Record, Text
from ledger_service.checkout import parsing
from ledger_service.checkout.service import CheckoutService
from ledger_service.kernel import otp, paycode
from ledger_service.kernel import paycode_errors as refusals
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.members import code_images, queries
from ledger_service.members.errors import DeviceUnknown, MemberUnknown

_GROUP = "Pay codes"
_FORM = Text(one_of=("svg", "png"))
_LOOK = Text(one_of=("qr", "bars"))
_PICTURE = Success(200, "The picture.", media_types=("image/svg+xml", "image/png"))
_MALFORMED = (refusals.PayCodeMalformed, refusals.PayCodeVersionUnknown)

QUERY = Route(
    "POST", "/v1/pay-codes/query", "query-pay-code", scopes("pay-code"), "What became of a pay code",
    group=_GROUP, body=shapes.PAY_CODE_BODY,
    problems=(*_MALFORMED, refusals.PayCodeWrong, refusals.PayCodeLocked, refusals.PayCodeAltered, NotYours),
    success=Success(200, "Unknown, accepted or revoked, and when to ask again.",
                    Record({"state": Text(one_of=("unknown", "accepted", "revoked"))}, closed=False)),
)  # fmt: skip
REVOKE = Route(
    "POST", "/v1/pay-codes/revoke", "revoke-pay-code", scopes("pay-code"), "Make a pay code worthless",
    group=_GROUP, body=shapes.PAY_CODE_BODY, room_checks=True, write=True,
    problems=(*WRITE_OF_TERMINAL, *_MALFORMED, refusals.PayCodeWrong, refusals.PayCodeLocked,
              refusals.PayCodeAltered, refusals.RevokeTooEarly),
    success=Success(200, "Worthless, also a late original of it (D6).", Record(closed=False)),
)  # fmt: skip
IMAGE = Route(
    "POST", "/v1/pay-codes/image", "draw-pay-code", scopes("self:write", "pay-code"), "Draw a pay code",
    group=_GROUP, body=Record({"pay_code": shapes.PAY_CODE, "form": _FORM}, {"look": _LOOK}),
    problems=_MALFORMED, success=_PICTURE,
)  # fmt: skip
CODE = Route(
    "GET", "/v1/members/<number>/code", "member-code", scopes("self:write"),
    "The 18-digit code of this half minute", group=_GROUP,
    problems=(MemberUnknown, NotYours, DeviceUnknown),
    success=Success(200, "The digits.", Record(
        {"digits": Text(pattern="[0-9]{18}"), "valid_until": shapes.INSTANT, "step_seconds": Integer(1)},
        closed=False)),
)  # fmt: skip
CODE_IMAGE = Route(
    "GET", "/v1/members/<number>/code-image", "member-code-image", scopes("self:write"),
    "The same as a picture", group=_GROUP, success=_PICTURE,
    problems=(MemberUnknown, NotYours, DeviceUnknown),
    query={"form": Parameter(_FORM, "svg or png", required=True),
           "look": Parameter(_LOOK, "QR code, or bars (Code 128); QR when absent")},
)  # fmt: skip
ROUTES = (QUERY, REVOKE, IMAGE, CODE, CODE_IMAGE)


@dataclass(frozen=True, slots=True)
class PayCodesDoor:
    """The endpoints of this module; ``one_time_master`` is the master of all devices' one-time secrets."""

    administration: Administration
    service: CheckoutService
    one_time_master: bytes = field(repr=False)

    def query(self, call: Call) -> Reply:
        """What is known of a code."""
        caller_of(call)
        return Reply(self.service.find_attempt(call.body.fields["pay_code"], call.at))

    def revoke(self, call: Call) -> Reply:
        """The code is worthless."""
        return reply_of(self.service.revoke(write_of(call), parsing.parse_revoke(call.body.fields)))

    def image(self, call: Call) -> Reply:
        """A picture of a code that was sent."""
        given = call.body.fields
        text = given["pay_code"]
        if otp.looks_like_digits(text):
            otp.parse_digits(text)
        else:
            paycode.decode_pay_code(text)
            if given.get("look") == "bars":
                raise refusals.PayCodeMalformed("bars hold digits only")
        return _picture(text, given["form"], given.get("look", "qr"))

    def code(self, call: Call) -> Reply:
        """The digits of now."""
        digits = self._digits(call)
        step = otp.step_of(seconds_floor(call.at))
        ends = instant_of_seconds((step + 1) * otp.STEP_SECONDS)
        return Reply(
            {"digits": digits, "valid_until": format_instant(ends), "step_seconds": otp.STEP_SECONDS}
        )

    def code_image(self, call: Call) -> Reply:
        """The digits of now as a picture."""
        return _picture(self._digits(call), call.query["form"], call.query.get("look", "qr"))

    def _digits(self, call: Call) -> str:
        found: list[str] = []

        def find(conn: Connection) -> Json:
            member = member_of_call(conn, call)
            number = queries.digits_number(conn, member.member_id, call.at)
            if number is None:
                raise DeviceUnknown
            found.append(number)
            return {}

        self.administration.read(find)
        secret = otp.device_secret(self.one_time_master, found[0])
        return otp.digits_at(secret, found[0], seconds_floor(call.at))


def served(door: PayCodesDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.query, door.revoke, door.image, door.code, door.code_image)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _picture(text: str, form: str, look: str) -> Reply:
    if form == "svg":
        drawn = code_images.qr_svg(text) if look == "qr" else code_images.code128_svg(text)
        return Reply(drawn.encode(), media_type="image/svg+xml")
    png = code_images.qr_png(text) if look == "qr" else code_images.code128_png(text)
    return Reply(png, media_type="image/png")
