"""Strict parsing of the HTTP bodies into requests.

Unknown fields, wrong types, floats, negative or huge amounts and odd text are refused here, so that no
service ever sees them. Nothing here knows a database or a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger_service.checkout.basket import Tender
from ledger_service.checkout.fields import (
    Fields,
    clean_points,
    parse_acceptance_signature,
    quick_text,
    sequence_of,
)
from ledger_service.checkout.invoice_parsing import parse_invoice
from ledger_service.checkout.invoices import Paper
from ledger_service.checkout.line_parsing import (
    GREATEST_MINOR,
    parse_lines,
    parse_programme,
    parse_refund_lines,
    parse_tenders,
)
from ledger_service.checkout.presented import LONGEST_PAY_CODE, parse_presented
from ledger_service.checkout.requests import (
    DEFAULT_TTL_SECONDS,
    Acceptance,
    AuthoriseRequest,
    CaptureRequest,
    ExtendRequest,
    RefundRequest,
    RevokeRequest,
    SaleRequest,
    Spend,
    SpendLeg,
    VoidRequest,
)
from ledger_service.checkout.shifts import SHIFT_FIELDS, parse_shift
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.ids import parse_id
from ledger_service.kernel.money import exponent_of
from ledger_service.kernel.points import MOST_LEGS
from ledger_service.kernel.text import clean_integer
from ledger_service.points.basis import TenderType

LEAST_TTL_SECONDS = 30
GREATEST_TTL_SECONDS = 3 * 86_400
LONGEST_KEY = 128

_HOLD_FIELDS = frozenset(
    {"store", "reference", "currency", "lines", "member", "spend", "acceptance", "step_up"}
)
SALE_FIELDS = _HOLD_FIELDS | SHIFT_FIELDS | {"tenders", "invoice"}


def parse_key(value: object) -> str:
    """Return an idempotency key: 1 to 128 printable ASCII characters.

    Raises:
        MalformedField: absent, overlong or other characters.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_KEY or not value.isascii():
        raise MalformedField("Idempotency-Key", "must have 1 to 128 printable ASCII characters")
    if not value.isprintable():
        raise MalformedField("Idempotency-Key", "must have 1 to 128 printable ASCII characters")
    return value


def parse_sale(body: object) -> SaleRequest:
    """Return the sale of a JSON object.

    Raises:
        MalformedField: the first field that is missing, unknown, of a wrong type or out of range.
    """
    fields = Fields(body, SALE_FIELDS)
    return _sale(fields, reference_required=True)


def parse_quote(body: object) -> SaleRequest:
    """Return the sale that a quote asks about; as ``parse_sale``, but the reference may be absent."""
    return _sale(Fields(body, SALE_FIELDS), reference_required=False)


def parse_authorise(body: object) -> AuthoriseRequest:
    """Return the authorisation of a JSON object: a sale with ``ttl_seconds`` and ``several``, whose
    ``tenders`` are cards to hold.

    Raises:
        MalformedField: as ``parse_sale``; also without a pay code or without ``spend``.
    """
    fields = Fields(body, _HOLD_FIELDS | {"ttl_seconds", "several", "cashier", "tenders"})
    sale = _sale(fields, reference_required=True)
    if sale.spend is None:
        raise MalformedField("spend", "is required")
    if any(tender.shown is None for tender in sale.tenders):
        raise MalformedField("tenders", "must be stored-value cards: the rest is paid when it is captured")
    return AuthoriseRequest(sale, _ttl(fields, DEFAULT_TTL_SECONDS), fields.flag("several", default=False))


def parse_capture(hold_id: object, body: object) -> CaptureRequest:
    """Return the capture of a JSON object and the hold id of the path.

    Raises:
        MalformedField: as ``parse_sale``.
    """
    known = {"lines", "reference", "spend", "final", "delivered_at", "tenders", "invoice"}
    fields = Fields(body, known | SHIFT_FIELDS)
    delivered = fields.get("delivered_at")
    tenders = parse_tenders(fields.get("tenders"))
    return CaptureRequest(
        parse_id(hold_id, "hold"),
        parse_lines(fields.get("lines")),
        quick_text(fields.get("reference"), "reference", 64),
        _spend(fields.get("spend"), tenders),
        fields.flag("final", default=True),
        None if delivered is None else parse_instant(delivered, "delivered_at"),
        tenders,
        parse_invoice(fields.get("invoice"), Paper.INVOICE),
        parse_shift(fields),
    )


def parse_void(hold_id: object, body: object) -> VoidRequest:
    """Return the void of a hold; the body may name the shift.

    Raises:
        MalformedField: a bad id or any other field.
    """
    return VoidRequest(parse_id(hold_id, "hold"), parse_shift(Fields(body, SHIFT_FIELDS)))


def parse_extend(hold_id: object, body: object) -> ExtendRequest:
    """Return the extension of a hold by ``ttl_seconds`` from now.

    Raises:
        MalformedField: a bad id, no or another ``ttl_seconds`` than 30 seconds to three days.
    """
    fields = Fields(body, {"ttl_seconds"})
    return ExtendRequest(parse_id(hold_id, "hold"), _ttl(fields, None))


def parse_refund(sale_id: object, body: object) -> RefundRequest:
    """Return the refund of pieces of a sale; ``lines`` absent takes all that is left.

    Raises:
        MalformedField: as ``parse_sale``; a line named twice, or a list that names none.
    """
    fields = Fields(body, {"reference", "lines", "allowance"} | SHIFT_FIELDS)
    reference = quick_text(fields.get("reference"), "reference", 64)
    lines = () if fields.get("lines") is None else parse_refund_lines(fields.get("lines"))
    allowance = parse_invoice(fields.get("allowance"), Paper.ALLOWANCE)
    return RefundRequest(parse_id(sale_id, "sale"), reference, lines, allowance, parse_shift(fields))


def parse_revoke(body: object) -> RevokeRequest:
    """Return the revocation of a pay code.

    Raises:
        MalformedField: no pay code text.
    """
    fields = Fields(body, {"pay_code"})
    return RevokeRequest(quick_text(fields.get("pay_code"), "pay_code", LONGEST_PAY_CODE))


def _sale(fields: Fields, *, reference_required: bool) -> SaleRequest:
    reference, step_up = fields.get("reference"), fields.get("step_up")
    member = parse_presented(fields.get("member"))
    tenders = parse_tenders(fields.get("tenders"))
    spend = _spend(fields.get("spend"), tenders)
    if spend is not None and (member is None or not member.may_spend):
        raise MalformedField("spend", "needs a pay code, a PIN or a one-time code")
    acceptance = _acceptance(fields.get("acceptance"))
    if acceptance is not None and (member is None or not member.may_spend):
        raise MalformedField("acceptance", "needs a pay code")
    return SaleRequest(
        parse_gln(fields.get("store"), "store"),
        parse_currency(fields.get("currency")),
        parse_lines(fields.get("lines")),
        quick_text(reference, "reference", 64) if reference_required or reference is not None else "",
        member,
        spend,
        acceptance,
        tenders,
        parse_invoice(fields.get("invoice"), Paper.INVOICE),
        parse_shift(fields),
        None if step_up is None else parse_id(step_up, "step_up"),
    )


def parse_currency(value: object) -> str:
    """The code of a currency that we know.

    Raises:
        MalformedField: anything else.
    """
    if not isinstance(value, str):
        raise MalformedField("currency", "must be text")
    exponent_of(value)
    return value


def _spend(value: object, tenders: tuple[Tender, ...] = ()) -> Spend | None:
    if value is None:
        # Points among the tenders are points to spend; said twice, the sale compares the two.
        told = tuple(SpendLeg(t.programme, t.points) for t in tenders if t.type == TenderType.POINTS)
        return Spend(told) if told else None
    if isinstance(value, Mapping):
        fields = Fields(value, {"max_value_minor"}, "spend")
        most = clean_integer(fields.get("max_value_minor"), "spend.max_value_minor", 1, GREATEST_MINOR)
        return Spend(max_value_minor=most)
    raw = sequence_of(value, "spend", MOST_LEGS)
    legs = tuple(_spend_leg(i, item) for i, item in enumerate(raw))
    if not legs or len({leg.programme for leg in legs}) != len(legs):
        raise MalformedField("spend", "must name at least one programme, and each once")
    return Spend(legs)


def _spend_leg(index: int, value: object) -> SpendLeg:
    where = f"spend[{index}]"
    fields = Fields(value, {"programme", "points"}, where)
    code = parse_programme(fields.get("programme"), f"{where}.programme")
    return SpendLeg(code, clean_points(fields.get("points"), f"{where}.points"))


def _acceptance(value: object) -> Acceptance | None:
    if value is None:
        return None
    fields = Fields(value, {"accepted_at", "signature"}, "acceptance")
    instant = parse_instant(fields.get("accepted_at"), "acceptance.accepted_at")
    signature = fields.get("signature")
    if signature is None:
        return Acceptance(instant)
    return Acceptance(instant, parse_acceptance_signature(signature, "acceptance.signature"))


def _ttl(fields: Fields, default: int | None) -> int:
    value: Any = fields.get("ttl_seconds")
    if value is None and default is not None:
        return default
    return clean_integer(value, "ttl_seconds", LEAST_TTL_SECONDS, GREATEST_TTL_SECONDS)
