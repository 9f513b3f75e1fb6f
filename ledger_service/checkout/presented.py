"""How a till says who the member is; strict, and a refusal never repeats a PIN or a code."""

from __future__ import annotations

import re

from ledger_service.checkout.fields import Fields, quick_text
from ledger_service.checkout.requests import Presented
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.members.cards.rules import parse_code, parse_pin
from ledger_service.members.identities import parse_card, parse_identity

LONGEST_PAY_CODE = 400
FIELDS = frozenset({"pay_code", "number", "card", "phone", "pin", "code"})
_ALONE = frozenset({"number"})
_DIGITS_18 = re.compile(r"[0-9]{18}")


def parse_presented(value: object) -> Presented | None:
    """Return who the member is; None where the till names nobody.

    Raises:
        MalformedField: no form or several, or a PIN or code that its form does not take.
    """
    if value is None:
        return None
    if type(value) is dict and value.keys() == _ALONE and value["number"] is not None:
        # What most members show.
        return Presented(number=parse_gsrn(value["number"], "member.number"))
    fields = Fields(value, FIELDS, "member")
    code, number = fields.get("pay_code"), fields.get("number")
    if code is None:
        return _without_device(fields, number)
    if number is not None or fields.get("card") is not None or fields.get("phone") is not None:
        raise _choice()
    if fields.get("pin") is not None or fields.get("code") is not None:
        raise MalformedField("member", "must have no PIN and no one-time code beside a pay code")
    text = quick_text(code, "member.pay_code", LONGEST_PAY_CODE)
    return Presented(digits=text) if _DIGITS_18.fullmatch(text) else Presented(pay_code=text)


def _without_device(fields: Fields, number: object) -> Presented:
    card, phone, pin, code = (fields.get(name) for name in ("card", "phone", "pin", "code"))
    if sum(one is not None for one in (number, card, phone)) != 1:
        raise _choice()
    if pin is not None and (card is None or code is not None):
        raise MalformedField("member.pin", "goes with a card, and with no one-time code")
    return Presented(
        number=None if number is None else parse_gsrn(number, "member.number"),
        card=None if card is None else parse_card(card, "member.card").value,
        phone=None if phone is None else parse_identity("phone", phone).value,
        pin=None if pin is None else parse_pin(pin, "member.pin"),
        code=None if code is None else parse_code(code, "member.code"),
    )


def _choice() -> MalformedField:
    return MalformedField("member", "must have exactly one of a pay code, a number, a card and a phone")
