"""Notices as they come in: signature, age and seal are checked before anything of them is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa

from ledger_service.payments.accounts import Accounts, LineAccount
from ledger_service.payments.errors import PaymentNoticeMalformed, PaymentNoticeRefused
from ledger_service.payments.rules import Notice, instant_of, is_fresh, line_notice, wechat_notice
from ledger_service.payments.signatures import Sealed, line_signed, opened, rsa_signed, wechat_message

WECHAT_HEADERS = ("Wechatpay-Serial", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature")
LINE_HEADERS = ("X-LINE-ChannelId", "X-LINE-Authorization-Nonce", "X-LINE-Authorization")
_PAID = "TRANSACTION.SUCCESS"
_NO_ACCOUNT = LineAccount("", "no merchant's secret")


@dataclass(frozen=True, slots=True)
class Received:
    """A request of a provider: whose, the path it was sent to, its headers, its bytes, and when."""

    merchant_id: int
    path: str
    headers: Mapping[str, str]
    raw: bytes
    at: datetime


def from_wechat(accounts: Accounts, received: Received) -> Notice | None:
    """The payment that WeChat Pay tells of; None for an event of another kind.

    An unknown merchant or serial costs the same work as a wrong signature.

    Raises:
        PaymentNoticeRefused, PaymentNoticeMalformed.

    Source: WeChat Pay APIv3, notice verification and decryption.
    """
    serial, timestamp, nonce, signature = (received.headers.get(name, "") for name in WECHAT_HEADERS)
    account = accounts.wechat.get(received.merchant_id)
    key = None if account is None else account.public_keys.get(serial)
    signed = rsa_signed(key or _nobodys_key(), wechat_message(timestamp, nonce, received.raw), signature)
    signed_at = instant_of(timestamp, unit=timedelta(seconds=1))
    if account is None or key is None or not signed or signed_at is None:
        raise PaymentNoticeRefused
    if not is_fresh(signed_at, received.at):
        raise PaymentNoticeRefused
    body = _document(received.raw)
    if body.get("event_type") != _PAID:
        return None
    inside = opened(account.api_key, _sealed(body))
    if inside is None:
        raise PaymentNoticeRefused
    return wechat_notice(received.merchant_id, account.mchid, _document(inside))


def from_line(accounts: Accounts, received: Received) -> Notice:
    """The payment that a LINE Pay style request tells of; its nonce is the request's instant in milliseconds.

    Raises:
        PaymentNoticeRefused, PaymentNoticeMalformed.

    Source: LINE Pay Online API v3, API authentication (the nonce may be the request's timestamp).
    """
    channel, nonce, signature = (received.headers.get(name, "") for name in LINE_HEADERS)
    account = accounts.line.get(received.merchant_id, _NO_ACCOUNT)
    signed = line_signed(account.secret, (received.path, received.raw, nonce), signature)
    signed_at = instant_of(nonce, unit=timedelta(milliseconds=1))
    if account is _NO_ACCOUNT or not signed or channel != account.channel_id or signed_at is None:
        raise PaymentNoticeRefused
    if not is_fresh(signed_at, received.at):
        raise PaymentNoticeRefused
    return line_notice(received.merchant_id, _document(received.raw), received.at)


def _document(raw: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise PaymentNoticeMalformed("body") from None
    if type(found) is not dict:
        raise PaymentNoticeMalformed("body")
    return found


def _sealed(body: Mapping[str, Any]) -> Sealed:
    resource = body.get("resource")
    if not isinstance(resource, dict):
        raise PaymentNoticeMalformed("resource")
    parts = [resource.get(name, "") for name in Sealed._fields]
    if not all(isinstance(part, str) for part in parts):
        raise PaymentNoticeMalformed("resource")
    return Sealed(*parts)


@cache
def _nobodys_key() -> rsa.RSAPublicKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
