"""Pages of lists: so many rows and a cursor to the next ones, sealed so that nobody can make one up or
carry it to another list.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from ledger_service.api.errors import CursorRefused
from ledger_service.api.routes import Parameter
from ledger_service.api.schema import Listing, Nullable, Record, Schema, Text
from ledger_service.kernel.clock import instant_of_micros, micros_of
from ledger_service.kernel.errors import MalformedField

MOST_ROWS = 200
_ROWS = 50
_LIMIT = Text(pattern="([1-9][0-9]?|1[0-9]{2}|200)")
PAGE_QUERY = {
    "cursor": Parameter(Text(200), "`next_cursor` of the page before"),
    "limit": Parameter(_LIMIT, f"1 to {MOST_ROWS} rows, {_ROWS} when absent"),
}
Row = TypeVar("Row")
_TAG_BYTES = 12
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Page:
    """What a request wants of a list: at most ``limit`` rows behind the position ``after``."""

    listing: str
    after: str | None
    limit: int

    @property
    def after_number(self) -> int | None:
        """The position of a list that is ordered by a number."""
        return None if self.after is None else int(self.after)


def place_at(at: datetime, row_id: bytes) -> str:
    """The position of a row in a list that is ordered by instants, then ids."""
    return f"{micros_of(at)} {row_id.hex()}"


def place_of(position: str | None) -> tuple[datetime, bytes] | None:
    """The instant and id of such a position."""
    if position is None:
        return None
    micros, _, row_id = position.partition(" ")
    return instant_of_micros(int(micros)), bytes.fromhex(row_id)


def paged(name: str, item: Schema) -> Record:
    """The shape of a page whose rows stand under ``name``."""
    rows: dict[str, Schema] = {name: Listing(item, MOST_ROWS), "next_cursor": Nullable(Text(200))}
    return Record(rows, closed=False)


class Cursors:
    """Seals positions (text) of named lists with one secret that all workers share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def page(self, listing: str, query: Mapping[str, str]) -> Page:
        """The page that a query of ``PAGE_QUERY`` asks for.

        Raises:
            MalformedField: a limit that is none.
            CursorRefused: a cursor that is not one of this list.
        """
        return Page(listing, self.open(listing, query.get("cursor")), _limit(query.get("limit")))

    def cut(
        self, page: Page, found: Sequence[Row], position: Callable[[Row], str | int]
    ) -> tuple[Sequence[Row], str | None]:
        """The rows of the page and the cursor of the next one; None behind the last row.

        Args:
            page: as asked for.
            found: up to one row more than the page has, in the list's order.
            position: where a row stands, for the query that goes on behind it.
        """
        rows = found[: page.limit]
        more = len(found) > page.limit
        return rows, self.seal(page.listing, str(position(rows[-1]))) if more else None

    def seal(self, listing: str, position: str) -> str:
        """The opaque cursor of a position in a list."""
        raw = position.encode()
        return _text(self._tag(listing, raw) + raw)

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
        if cursor != _text(raw):
            # The decoder skips what is not of its alphabet: another text of the same bytes.
            raise CursorRefused
        return position.decode()

    def _tag(self, listing: str, position: bytes) -> bytes:
        return hmac.digest(self._secret, listing.encode() + b"\0" + position, sha256)[:_TAG_BYTES]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _limit(text: str | None) -> int:
    if text is None:
        return _ROWS
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_ROWS):
        raise MalformedField("query.limit", f"must be a number from 1 to {MOST_ROWS}")
    return int(text)
