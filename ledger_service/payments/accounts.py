"""The merchants' accounts at providers: keys from a file of mode 0600, in memory, never printed.

::

    {"wechat-pay": [{"merchant": "<GLN>", "mchid": "…", "api_v3_key": "<32 characters>",
                     "public_keys": {"<Wechatpay-Serial>": "-----BEGIN PUBLIC KEY-----…"}}],
     "line-pay": [{"merchant": "<GLN>", "channel_id": "…", "channel_secret": "…"}]}
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.payments.signatures import public_key_of

_API_KEY_BYTES = 32


class AccountsUnusable(Exception):
    """The file of accounts cannot be used; says why, and nothing of what it holds."""


@dataclass(frozen=True, slots=True)
class WechatAccount:
    """A merchant at WeChat Pay: its number, what opens notices, and the provider's keys by serial."""

    mchid: str
    api_key: bytes = field(repr=False)
    public_keys: Mapping[str, RSAPublicKey] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LineAccount:
    """A merchant at LINE Pay: its channel and the channel's secret."""

    channel_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts by merchant."""

    wechat: dict[int, WechatAccount] = field(default_factory=dict)
    line: dict[int, LineAccount] = field(default_factory=dict)


def read_accounts(path: Path) -> Accounts:
    """The accounts of a file; none where there is no such file.

    Raises:
        AccountsUnusable: not ours alone (mode wider than 0600, another owner), or of another form.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return Accounts()
    except OSError as error:
        raise AccountsUnusable(f"{path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & ~0o600:
            raise AccountsUnusable(f"{path}: must be this user's alone, mode 0600 at most")
        raw = file.read()
    try:
        return accounts_of(orjson.loads(raw))
    except (KeyError, TypeError, ValueError, AttributeError, MalformedField):
        raise AccountsUnusable(f"{path}: must be as docs/payments.md says") from None


def accounts_of(document: Mapping[str, Any]) -> Accounts:
    """The accounts of a document; raises what reading a wrong one raises."""
    accounts = Accounts()
    for one in document.get("wechat-pay", []):
        keys = {serial: public_key_of(pem) for serial, pem in one["public_keys"].items()}
        api_key = one["api_v3_key"].encode()
        if len(api_key) != _API_KEY_BYTES:
            raise ValueError("api_v3_key")
        accounts.wechat[parse_gln(one["merchant"], "merchant")] = WechatAccount(one["mchid"], api_key, keys)
    for one in document.get("line-pay", []):
        secret = one["channel_secret"]
        if not isinstance(secret, str) or not secret:
            raise ValueError("channel_secret")  # nothing, or null, would be anybody's secret
        account = LineAccount(str(one["channel_id"]), secret)
        accounts.line[parse_gln(one["merchant"], "merchant")] = account
    return accounts
