"""Pure rules of payments: how old a notice may be, and what a provider's document says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from ledger_service.kernel.money import exponent_of
from ledger_service.payments.errors import PaymentNoticeMalformed

MOST_SKEW = timedelta(minutes=5)
# How long an order waits for its payment, a payment for its order and its sale.
PATIENCE = timedelta(days=7)
STATES = ("ordered", "noticed", "due", "matched", "attached", "stranger", "refused")
SUCCESS = "SUCCESS"
_LONGEST = 64


class Provider(StrEnum):
    """Who tells of payments."""

    WECHAT_PAY = "wechat-pay"
    LINE_PAY = "line-pay"

    @property
    def identity_kind(self) -> str:
        """The kind of identity that its payers have."""
        return f"social:{self.value}"


@dataclass(frozen=True, slots=True)
class Notice:
    """A payment as its provider tells of it; ``payer`` is the provider's own name of who paid."""

    provider: Provider
    merchant_id: int
    order: str
    transaction: str
    payer: str = field(repr=False)
    amount_minor: int
    currency: str
    paid_at: datetime


def is_fresh(signed_at: datetime, at: datetime) -> bool:
    """Whether a signature of this instant is young enough; a provider sends again under a new one."""
    return abs(at - signed_at) <= MOST_SKEW


def instant_of(text: str, *, unit: timedelta) -> datetime | None:
    """The instant of a count of units since 1970; None for any other text, and beyond the calendar."""
    if not (text.isascii() and text.isdigit() and len(text) <= 13):
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + int(text) * unit
    except OverflowError:
        return None


def wechat_notice(merchant_id: int, mchid: str, body: Mapping[str, Any]) -> Notice | None:
    """The payment of an opened WeChat Pay transaction; None where nothing was paid.

    Raises:
        PaymentNoticeMalformed: a field is missing, or it is another merchant's.
    """
    if body.get("trade_state") != SUCCESS:
        return None
    if body.get("mchid") != mchid:
        raise PaymentNoticeMalformed("mchid")
    amount, payer = _record(body, "amount"), _record(body, "payer")
    who = f"{_text(body, 'appid')}:{_text(payer, 'openid')}"
    return Notice(
        Provider.WECHAT_PAY, merchant_id, _text(body, "out_trade_no"), _text(body, "transaction_id"), who,
        _count(amount, "total"), _currency(amount), _instant(body, "success_time"),
    )  # fmt: skip


def line_notice(merchant_id: int, body: Mapping[str, Any], at: datetime) -> Notice:
    """The payment of a LINE Pay style document; its amount is in whole units of the currency.

    Raises:
        PaymentNoticeMalformed: a field is missing.
    """
    currency = _currency(body)
    minor = _count(body, "amount") * 10 ** exponent_of(currency)
    return Notice(
        Provider.LINE_PAY, merchant_id, _text(body, "orderId"), _text(body, "transactionId"),
        _text(body, "payerId"), minor, currency, at,
    )  # fmt: skip


def _record(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    if not isinstance(found, dict):
        raise PaymentNoticeMalformed(name)
    return found


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST or not found.isprintable():
        raise PaymentNoticeMalformed(name)
    return found


def _currency(body: Mapping[str, Any]) -> str:
    found = _text(body, "currency")
    if len(found) != 3:
        raise PaymentNoticeMalformed("currency")
    return found


def _count(body: Mapping[str, Any], name: str) -> int:
    found = body.get(name)
    if type(found) is not int or not 0 < found < 2**53:
        raise PaymentNoticeMalformed(name)
    return found


def _instant(body: Mapping[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(body, name))
        there = found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PaymentNoticeMalformed(name) from None
    if found.tzinfo is None:
        raise PaymentNoticeMalformed(name)
    return there
