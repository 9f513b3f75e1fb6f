"""Who is at the till, by code, number, card or phone, perhaps with a PIN or a one-time code, and who keeps
the invoice; as the service takes it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import phonenumbers

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gsrn
from ledger_service.kernel.text import clean_text
from ledger_service.till.lines import known

_LONGEST_CODE = 400
_WAYS = frozenset({"pay_code", "number", "card", "phone"})
_TYPED = {"pin": re.compile(r"[0-9]{4,8}"), "code": re.compile(r"[0-9]{8}")}
_CARD = re.compile(r"[0-9A-Z-]{4,64}")
# Numbers of invoices by whose law they follow, and ids of what keeps a Taiwanese one for the buyer.
_NUMBERS = {"tw": r"[A-Z]{2}[0-9]{8}", "cn": r"[0-9]{18}|[0-9]{20}"}
_CARRIERS = {"mobile_barcode": r"/[0-9A-Z+.-]{7}", "citizen_certificate": r"[A-Z]{2}[0-9]{14}",
             "member_card": r"[0-9A-Za-z-]{1,64}", "donation": r"[0-9]{3,7}"}  # fmt: skip


def check_member(member: Any) -> None:
    """The member is told in exactly one way, in a form that the service can read; a PIN goes with a card, a
    one-time code with all but a pay code.

    Raises:
        MalformedField: it is not.
    """
    known(member, _WAYS | _TYPED.keys(), "member")
    named = [way for way in sorted(_WAYS) if member.get(way) is not None]
    if len(named) != 1:
        raise MalformedField("member", "must have exactly one of a pay code, a number, a card and a phone")
    _FORMS[named[0]](member[named[0]])
    _check_typed(member, named[0])


def _check_typed(member: Any, way: str) -> None:
    typed = [name for name in _TYPED if member.get(name) is not None]
    if len(typed) > 1 or (typed and way == "pay_code") or (typed == ["pin"] and way != "card"):
        raise MalformedField("member", "must have a PIN with a card, or a one-time code without a pay code")
    for name in typed:
        if not isinstance(member[name], str) or not _TYPED[name].fullmatch(member[name]):
            raise MalformedField(f"member.{name}", "must be as many digits as such a one has")


def check_invoice(invoice: Any) -> None:
    """The number of an invoice has the form of its law, and so has its carrier, if any.

    Raises:
        MalformedField: it has not.
    """
    known(invoice, frozenset({"scheme", "number", "carrier"}), "invoice")
    scheme, carrier = invoice.get("scheme"), invoice.get("carrier")
    _matches(invoice.get("number"), _NUMBERS, scheme, "invoice")
    if carrier is None:
        return
    if scheme != "tw":
        raise MalformedField("invoice.carrier", "belongs to a Taiwanese invoice")
    known(carrier, frozenset({"kind", "id"}), "invoice.carrier")
    _matches(carrier.get("id"), _CARRIERS, carrier.get("kind"), "invoice.carrier")


def _matches(value: Any, forms: dict[str, str], kind: Any, field: str) -> None:
    if not isinstance(kind, str) or kind not in forms:
        raise MalformedField(field, f"must be of one of {', '.join(forms)}")
    if not isinstance(value, str) or not re.fullmatch(forms[kind], value):
        raise MalformedField(field, f"must match {forms[kind]}")


def _check_pay_code(value: Any) -> None:
    clean_text(value, "member.pay_code", _LONGEST_CODE)


def _check_number(value: Any) -> None:
    parse_gsrn(value, "member.number")


def _check_card(value: Any) -> None:
    number = clean_text(value, "member.card", 64).replace(" ", "").upper()
    if not _CARD.fullmatch(number):
        raise MalformedField("member.card", "must be 4 to 64 letters, digits and dashes")


def _check_phone(value: Any) -> None:
    text = clean_text(value, "member.phone", 64)
    refusal = MalformedField("member.phone", "must be an international number that begins with +")
    if not unicodedata.normalize("NFKC", text).startswith("+"):
        raise refusal
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise refusal from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise refusal


_FORMS = {"pay_code": _check_pay_code, "number": _check_number, "card": _check_card, "phone": _check_phone}
