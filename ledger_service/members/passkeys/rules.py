"""Pure rules of passkeys: challenges that open themselves, and what a member may have."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from ledger_service.kernel.clock import instant_of_micros, micros_of

CHALLENGE_LIFE = timedelta(minutes=10)
NONCE_BYTES, CHALLENGE_BYTES = 16, 40
MOST_PASSKEYS = 10
LONGEST_LABEL = 40
LOGIN = b"login"
_MARK_BYTES = 16
_LABEL = b"alliance passkey challenge v1"
_HANDLE = b"alliance passkey handle v1"


@dataclass(frozen=True, slots=True)
class Site:
    """Whose passkeys they are: the name that devices bind them to, and the one origin that may ask."""

    name: str
    origin: str


def site_of(public_url: str) -> Site | None:
    """The site behind the service's address; None where the host is a number, which devices do not take."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return Site(host, f"{parts.scheme}://{parts.netloc}".lower()) if host else None
    return None


def registering(member_id: int) -> bytes:
    """What a challenge is for that makes a passkey of this member."""
    return b"register %d" % member_id


def challenge_of(secret: bytes, purpose: bytes, nonce: bytes, at: datetime) -> bytes:
    """40 bytes: when it was made (micros), 16 random ones, the service's mark over both and the purpose."""
    head = micros_of(at).to_bytes(8, "big") + nonce
    return head + _mark(secret, purpose, head)


def made_at(secret: bytes, purpose: bytes, challenge: bytes, at: datetime) -> datetime | None:
    """When a challenge of ours for this purpose was made; None for one that is none, or is over."""
    head, mark = challenge[:-_MARK_BYTES], challenge[-_MARK_BYTES:]
    ours = hmac.compare_digest(mark, _mark(secret, purpose, head))
    if not ours or len(challenge) != CHALLENGE_BYTES:
        return None
    made = instant_of_micros(int.from_bytes(head[:8], "big"))
    return made if made <= at < made + CHALLENGE_LIFE else None


def handle_of(secret: bytes, member_id: int) -> bytes:
    """What a device knows the member by: 32 bytes, always the same, that tell nobody else anything."""
    return hmac.digest(secret, _HANDLE + member_id.to_bytes(8, "big"), sha256)


def _mark(secret: bytes, purpose: bytes, head: bytes) -> bytes:
    said = _LABEL + len(purpose).to_bytes(1, "big") + purpose + head
    return hmac.digest(secret, said, sha256)[:_MARK_BYTES]
