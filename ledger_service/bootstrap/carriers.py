"""Ways to send messages to members: a folder that a gateway empties, or a webhook of the operator's own.

No provider of text messages is built in: they differ by country, and each has a client and a contract of its
own. What is handed over is one JSON object for each message, as docs/without-a-phone.md says.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from ledger_service.config import ConfigurationError
from ledger_service.kernel.clock import format_instant
from ledger_service.members.ports import Carrier, Message

_SECONDS = 5
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class FolderCarrier:
    """One file for each message, whole or not there at all, readable by this user alone."""

    folder: Path

    def hand_over(self, message: Message) -> bool:
        """The message stands in the folder, named by its id."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{message.message_id}.json"
        draft = path.with_suffix(".part")
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "wb") as file:
            file.write(_document(message))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        return True


@dataclass(frozen=True, slots=True)
class WebhookCarrier:
    """A POST for each message; taken where the answer is 2xx.

    ``Alliance-Signature`` is the HMAC-SHA-256 of the body, so that the receiver knows whom it comes from.
    """

    url: str
    secret: bytes = field(repr=False)

    def hand_over(self, message: Message) -> bool:
        """Whether the receiver has taken the message."""
        target, body = urlsplit(self.url), _document(message)
        kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
        connection = kind(target.hostname or "", target.port, timeout=_SECONDS)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.message_id,
            "Alliance-Signature": "sha256=" + hmac.digest(self.secret, body, sha256).hex(),
        }
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        try:
            connection.request("POST", path, body, headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def carrier_of(setting: str, secret: bytes) -> Carrier | None:
    """The carrier of ALLIANCE_MESSAGES; None where nothing is set.

    Raises:
        ConfigurationError: neither a folder nor an address that may be used.
    """
    if not setting:
        return None
    if setting.startswith("file:") and len(setting) > len("file:"):
        return FolderCarrier(Path(setting.removeprefix("file:")).absolute())
    target = urlsplit(setting)
    if target.scheme == "https" or (target.scheme == "http" and target.hostname in _LOOPBACK):
        return WebhookCarrier(setting, hmac.digest(secret, b"alliance messages v1", sha256))
    raise ConfigurationError("ALLIANCE_MESSAGES takes file: and a folder, or an https address")


def _document(message: Message) -> bytes:
    told = {
        "id": message.message_id,
        "channel": message.channel,
        "to": message.address,
        "text": message.text,
        "expires_at": format_instant(message.expires_at),
    }
    return orjson.dumps(told)
