"""What every page carries and every form must: headers, the cookie, the proof that a form is our own."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from ledger_service.web.sessions.rules import csrf_token

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), geolocation=(), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def cookie_name(secure: bool) -> str:
    """With the prefix that browsers refuse to let another host set, wherever that can be had."""
    return "__Host-alliance" if secure else "alliance"


def needs_secure(host: str, scheme: str) -> bool:
    """Whether the cookie may only travel encrypted: everywhere but on this very machine."""
    return scheme == "https" or host.rsplit(":", 1)[0] not in _LOOPBACK


def own_origin(origin: str | None, host: str) -> bool:
    """Whether a form was sent from a page of ours; where no Origin is sent, the token alone decides."""
    if not origin:
        return True
    try:
        return urlsplit(origin).netloc == host
    except ValueError:  # what no browser sends: "http://["
        return False


def path_of(address: str | None) -> str | None:
    """The path of an address that a browser sent; None for what is no address."""
    try:
        return urlsplit(address or "").path
    except ValueError:
        return None


def right_token(cookie: bytes, given: str) -> bool:
    """Whether a form carries its session's token."""
    return hmac.compare_digest(csrf_token(cookie).encode(), given.encode())
