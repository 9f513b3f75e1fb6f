"""Cursors: where the next page begins, sealed so that nobody can make one up or carry it to another list."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from ledger_service.api.errors import CursorRefused

_TAG_BYTES = 12
_LONGEST = 200


class Cursors:
    """Seals positions (text) of named lists with one secret that all workers share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, listing: str, position: str) -> str:
        """The opaque cursor of a position in a list."""
        raw = position.encode()
        return urlsafe_b64encode(self._tag(listing, raw) + raw).decode().rstrip("=")

    def open(self, listing: str, cursor: str | None) -> str | None:
        """The position that was sealed; None for no cursor.

        Raises:
            CursorRefused: altered, cut, or of another list.
        """
        if cursor is None:
            return None
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)) if len(cursor) <= _LONGEST else b""
        except ValueError:
            raise CursorRefused from None
        tag, position = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not position or not hmac.compare_digest(tag, self._tag(listing, position)):
            raise CursorRefused
        return position.decode()

    def _tag(self, listing: str, position: bytes) -> bytes:
        return hmac.digest(self._secret, listing.encode() + b"\0" + position, sha256)[:_TAG_BYTES]
