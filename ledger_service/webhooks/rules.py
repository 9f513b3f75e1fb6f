"""Pure rules of webhooks: secrets, signatures, addresses that may be called, when to try again.

Source: Standard Webhooks 1.0.0 (signature scheme, headers, retries).
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from ledger_service.kernel.clock import seconds_floor

MOST_ENDPOINTS = 10
LONGEST_URL = 500
# How long a secret that was replaced still signs beside the new one.
OVERLAP = timedelta(hours=24)
GIVE_UP_AFTER = timedelta(days=7)
LEAST_REST, MOST_REST = timedelta(seconds=5), timedelta(hours=1)
# The only block of IPv6 that is given out to the internet, and that of translators (RFC 6052).
_GIVEN_OUT, _TRANSLATED = IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Kind(StrEnum):
    """What a fact tells; the first word says of what."""

    SALE = "sale.recorded"
    REFUND = "sale.refunded"
    POINTS = "points.changed"
    ENDING = "points.ending"
    CARD = "value_card.changed"
    TICKET = "ticket.changed"
    COUPON = "coupon.changed"
    REWARD = "reward.changed"
    CLAIM = "claim.changed"
    FOLLOWED = "share.followed"
    CONSENT = "consent.changed"
    SEGMENT = "segment.changed"
    TIER = "tier.changed"
    ITEM = "item.changed"
    CASE = "case.changed"
    SETTLEMENT = "settlement.closed"
    ENROLLED = "member.enrolled"
    ERASED = "member.erased"


KINDS = tuple(kind.value for kind in Kind)


class Key(NamedTuple):
    """What an endpoint's secrets follow from; ``rotated_at`` is when ``generation`` began."""

    endpoint_id: bytes
    generation: int
    rotated_at: datetime


def secret_of(master: bytes, endpoint_id: bytes, generation: int) -> bytes:
    """The 32 bytes that sign for an endpoint; nothing of them is stored."""
    return hmac.digest(master, endpoint_id + generation.to_bytes(4, "big"), sha256)


def secret_text(secret: bytes) -> str:
    """The secret as a receiver is given it."""
    return "whsec_" + b64encode(secret).decode()


def secrets_at(master: bytes, key: Key, at: datetime) -> list[bytes]:
    """The secrets that sign at an instant, newest first: two for a day after a rotation."""
    current = secret_of(master, key.endpoint_id, key.generation)
    if key.generation == 1 or at - key.rotated_at >= OVERLAP:
        return [current]
    return [current, secret_of(master, key.endpoint_id, key.generation - 1)]


def headers_of(message_id: str, at: datetime, body: bytes, secrets: list[bytes]) -> dict[str, str]:
    """The three headers of a message, with a signature by each secret."""
    second = str(seconds_floor(at))
    signed = f"{message_id}.{second}.".encode() + body
    signatures = [b64encode(hmac.digest(secret, signed, sha256)).decode() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": second,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def url_refusal(url: str, *, loopback: bool) -> str | None:
    """Why messages cannot go to this address; None where they can, as far as its text tells.

    Args:
        url: as the merchant wrote it.
        loopback: whether this very machine may be called, over plain HTTP too: for tests and sandboxes.
    """
    try:
        target = urlsplit(url)
        host, port = target.hostname or "", target.port
    except ValueError:
        return "no-address"
    if not host or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        return "no-address"
    if target.username is not None or target.fragment or port == 0:
        return "no-address"
    if loopback and host in _LOOPBACK_NAMES and target.scheme in ("http", "https"):
        return None
    if target.scheme != "https":
        return "not-https"
    if host in _LOOPBACK_NAMES:
        return "not-public"
    return None if _is_name(host) or is_public(host) else "not-public"


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, local, reserved or for groups."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return is_public(str(inner))
        # What else is not of the one block that is given out leads inside, to sites' own or to translators.
        if found not in _GIVEN_OUT:
            return False
    return found.is_global and not found.is_multicast


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which this one is translated on the way, as in networks of IPv6 alone."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own."""
    return ip_address(address).is_loopback


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        # Digits and dots alone are how some resolvers write an address.
        return "." in host and not host.replace(".", "").isdigit() and not host.lower().startswith("0x")
    return False


def rest_after(failures: int, spread: int) -> timedelta:
    """How long to wait after so many failures in a row: doubled each time, less up to a fifth of it.

    Args:
        failures: 1 or more.
        spread: any number; what of it is left over 1,000 spreads the receivers' retries.
    """
    whole: timedelta = min(LEAST_REST * (1 << min(failures - 1, 20)), MOST_REST)
    return whole - whole * (spread % 1000) // 5000


class Verdict(StrEnum):
    """What an answer means for the message and for the endpoint."""

    TAKEN = "taken"
    REFUSED = "refused"
    AWAY = "away"
    GONE = "gone"


def verdict_of(status: int | None) -> Verdict:
    """What a status says, None for no answer: 410 wants no more; 429 and 5xx are the receiver's trouble."""
    if status is None or status == 429 or status >= 500:
        return Verdict.AWAY
    if 200 <= status < 300:
        return Verdict.TAKEN
    return Verdict.GONE if status == 410 else Verdict.REFUSED
