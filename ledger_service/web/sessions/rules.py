"""How long a session lives, by role, and what of a browser is remembered; pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

COOKIE_BYTES = 32
# A till stands open all day; a phone is its owner's; a back office is left alone over lunch.
_IDLE = {"member": timedelta(days=30), "cashier": timedelta(hours=12)}
_WHOLE = {"member": timedelta(days=90), "cashier": timedelta(hours=16)}
_OFFICE_IDLE, _OFFICE_WHOLE = timedelta(minutes=30), timedelta(hours=12)
FRESH = timedelta(minutes=5)
# Seen is written down at most so often: a page view need not be a write.
SEEN_EVERY = timedelta(minutes=1)
_PHONES = ("iphone", "android", "mobile", "harmony")


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force, as its row tells it; ``cashier`` is who has shown its PIN at this till."""

    session_id: str
    key_id: str
    role: str
    device: str
    entered_at: datetime
    seen_at: datetime
    expires_at: datetime
    cashier: str | None = None

    def fresh(self, at: datetime) -> bool:
        """Whether the key was entered a moment ago."""
        return at - self.entered_at <= FRESH


def whole_life(role: str) -> timedelta:
    """After how long a session is over however much it is used."""
    return _WHOLE.get(role, _OFFICE_WHOLE)


def is_over(session: Session, at: datetime) -> bool:
    """Whether it has ended by itself."""
    return at >= session.expires_at or at - session.seen_at > _IDLE.get(session.role, _OFFICE_IDLE)


def device_class(user_agent: str) -> str:
    """A phone or a computer: enough to recognise one's own in a list, and nothing to follow anybody by."""
    return "phone" if any(word in user_agent.lower() for word in _PHONES) else "computer"


def hash_cookie(cookie: bytes) -> bytes:
    """What the table has of a cookie; plain, since 256 random bits cannot be guessed."""
    return sha256(cookie).digest()


def csrf_token(cookie: bytes) -> str:
    """The token that every form of the session carries; it follows from the cookie, which nobody else has."""
    return hmac.digest(cookie, b"alliance csrf v1", sha256).hex()[:32]
