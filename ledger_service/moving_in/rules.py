"""Pure: what a row of each file must look like, and what it says in the ledger's own terms.

Personal data take the very normal form that enrolment gives them. A row is refused by its first bad field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from ledger_service.kernel.clock import instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.points import GREATEST_AMOUNT
from ledger_service.kernel.text import clean_text
from ledger_service.members.identities import Identity, parse_identity
from ledger_service.members.identities import parse_card as parse_identity_card
from ledger_service.members.requests import EnrolMember
from ledger_service.moving_in.lifetimes import Lifetime, lifetime_of
from ledger_service.points.catalogue import Programme

Row = Mapping[str, str]
CONSENT = "consent_"
_POINTS = re.compile(r"[0-9]{1,16}")
_SIGNED = re.compile(r"-?[0-9]{1,16}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_KIND = re.compile(r"[a-z][a-z-]{0,23}")
_MOST_EXTERNALS = 1_000
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}

COLUMNS: dict[str, tuple[str, ...]] = {
    "members": ("external_id",),
    "cards": ("external_id", "card_number"),
    "lots": ("external_id", "programme", "points"),
    "history": ("external_id", "entry_id", "programme", "kind", "points", "occurred_at"),
    "sales": ("merchant", "reference", "total_minor", "occurred_at"),
}
FURTHER: dict[str, tuple[str, ...]] = {
    "members": ("name", "phone", "email", "language"),
    "cards": (),
    "lots": ("last_day", "earned_on", "lot_id"),
    "history": (),
    "sales": ("external_id",),
}


class RowRefused(Exception):
    """A row is not taken: which field is to blame, by which code, and what it takes."""

    def __init__(self, field_name: str, code: str, reason: str) -> None:
        super().__init__(field_name, code, reason)
        self.field, self.code, self.reason = field_name, code, reason


class MemberRow(NamedTuple):
    """A member of the old system; its external id is one of the identities."""

    external: Identity
    enrol: EnrolMember
    language: str | None
    consents: tuple[str, ...]


class CardRow(NamedTuple):
    """A card and whose it is."""

    external: Identity
    card: Identity


class LotRow(NamedTuple):
    """Points of one programme that can be spent up to one epoch; ``key`` is the row's own, whatever file."""

    external: Identity
    programme_id: int
    epoch: int
    points: int
    key: bytes


class PastRow(NamedTuple):
    """Something that the old system booked; points have their sign."""

    external: Identity
    programme_id: int
    kind: str
    points: int
    occurred_at: datetime
    key: bytes


class SaleRow(NamedTuple):
    """A sale of the old system, so that a later refund finds out what it refers to."""

    external: Identity | None
    merchant_id: int
    reference: str
    total_minor: int
    occurred_at: datetime


@dataclass(frozen=True)
class Frame:
    """What all rows of an import are judged by: its source, the programmes by code, and the instant."""

    source: str
    programmes: Mapping[str, Programme]
    merchants: frozenset[int]
    at: datetime
    lifetimes: MutableMapping[tuple[str, str, str], Lifetime] = field(default_factory=dict)
    externals: MutableMapping[str, Identity] = field(default_factory=dict)

    def external(self, row: Row) -> Identity:
        """The external id as an identity of the member, by which it is found again."""
        raw = row.get("external_id", "")
        found = self.externals.get(raw)
        if found is None:
            # A member's rows mostly follow each other, so a few are worth keeping, and all of them are not.
            if len(self.externals) >= _MOST_EXTERNALS:
                self.externals.clear()
            found = Identity(f"social:{self.source}", _text(row, "external_id", 255))
            self.externals[raw] = found
        return found


def parse_member(row: Row, frame: Frame) -> MemberRow:
    """The member that a row of members enrols.

    Raises:
        RowRefused: the first field that enrolment would not take.
    """
    external = frame.external(row)
    identities = [external]
    for kind in ("phone", "email"):
        if row.get(kind):
            identities.append(_identity(kind, row[kind]))
    language = row.get("language") or None
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise RowRefused("language", "malformed-field", "must be a language tag such as de or pt-BR")
    name = _text(row, "name", 200) if row.get("name") else None
    consents = tuple(sorted(n.removeprefix(CONSENT) for n in row if n.startswith(CONSENT) and _flag(row, n)))
    return MemberRow(external, EnrolMember(name, tuple(identities)), language, consents)


def parse_card(row: Row, frame: Frame) -> CardRow:
    """The card of a row of cards.

    Raises:
        RowRefused: no external id, or no card number of 4 to 64 letters, digits and dashes.
    """
    try:
        card = parse_identity_card(row.get("card_number", ""), "card_number")
    except MalformedField as refusal:
        raise _refused(refusal) from None
    return CardRow(frame.external(row), card)


def parse_lot(row: Row, frame: Frame) -> LotRow:
    """The points of a row of lots, in the epoch that lets them live at least as long as they were promised.

    Raises:
        RowRefused: a malformed field, an unknown programme, points that have expired, a calendar too short.
    """
    external, programme = frame.external(row), _programme(row, frame)
    points = _points(row, _POINTS)
    if not 1 <= points <= GREATEST_AMOUNT:
        raise RowRefused("points", "points-not-positive", "must be at least 1")
    last, earned = row.get("last_day", ""), row.get("earned_on", "")
    if bool(last) == bool(earned):
        raise RowRefused("last_day", "one-date-needed", "exactly one of last_day and earned_on")
    cached = (programme.code, last, earned)
    lifetime = frame.lifetimes.get(cached)
    if lifetime is None:
        lifetime = frame.lifetimes[cached] = lifetime_of(programme, last, earned, frame.at)
    if lifetime.refusal is not None:
        raise RowRefused("last_day" if last else "earned_on", *lifetime.refusal)
    lot_id = _text(row, "lot_id", 128) if row.get("lot_id") else ""
    # None of them holds a control character, so that no two rows come to the same text.
    words = f"{external.value}\n{programme.code}\n{lot_id}\n{last}\n{earned}"
    key = derive_id("moved-lot", frame.source, words)
    return LotRow(external, programme.programme_id, lifetime.epoch, points, key)


def parse_past(row: Row, frame: Frame) -> PastRow:
    """The booking of a row of history.

    Raises:
        RowRefused: a malformed field or an unknown programme.
    """
    external, programme, kind = frame.external(row), _programme(row, frame), row.get("kind", "")
    if not _KIND.fullmatch(kind):
        raise RowRefused("kind", "malformed-field", "must be a word of small letters and dashes")
    key = derive_id("moved-entry", frame.source, external.value, _text(row, "entry_id", 128))
    occurred = _instant(row, "occurred_at", frame)
    return PastRow(external, programme.programme_id, kind, _points(row, _SIGNED), occurred, key)


def parse_sale(row: Row, frame: Frame) -> SaleRow:
    """The sale of a row of sales.

    Raises:
        RowRefused: a malformed field or an unknown merchant.
    """
    try:
        merchant = parse_gln(row.get("merchant", ""), "merchant")
    except MalformedField as refusal:
        raise _refused(refusal) from None
    if merchant not in frame.merchants:
        raise RowRefused("merchant", "merchant-unknown", "must be a merchant of this alliance")
    total = row.get("total_minor", "")
    if not _POINTS.fullmatch(total):
        raise RowRefused("total_minor", "malformed-field", "must be whole minor units, digits only")
    external = frame.external(row) if row.get("external_id") else None
    reference = _text(row, "reference", 128)
    return SaleRow(external, merchant, reference, int(total), _instant(row, "occurred_at", frame))


def readable_points(row: Row, frame: Frame) -> tuple[str, int] | None:
    """(programme, points) of a row of lots, however wrong the rest is; None where they cannot be told."""
    code, points = row.get("programme", ""), row.get("points", "")
    return (code, int(points)) if code in frame.programmes and _POINTS.fullmatch(points) else None


def _programme(row: Row, frame: Frame) -> Programme:
    found = frame.programmes.get(row.get("programme", ""))
    if found is None:
        raise RowRefused("programme", "programme-unknown", "must be the code of a programme")
    return found


def _points(row: Row, pattern: re.Pattern[str]) -> int:
    text = row.get("points", "")
    points = int(text) if pattern.fullmatch(text) else None
    if points is None or abs(points) > GREATEST_AMOUNT:
        raise RowRefused("points", "malformed-field", "must be whole points, digits only")
    return points


def _instant(row: Row, name: str, frame: Frame) -> datetime:
    try:
        instant = parse_instant(row.get(name, ""), name)
    except MalformedField as refusal:
        raise _refused(refusal) from None
    if instant > frame.at:
        raise RowRefused(name, "in-the-future", "must not lie in the future")
    return instant_of_seconds(seconds_floor(instant))


def _flag(row: Row, name: str) -> bool:
    value = _FLAGS.get(row[name].lower())
    if value is None:
        raise RowRefused(name, "malformed-field", "must be yes or no, true or false, 1 or 0")
    return value


def _identity(kind: str, value: str) -> Identity:
    try:
        return parse_identity(kind, value)
    except MalformedField as refusal:
        raise _refused(refusal) from None


def _text(row: Row, name: str, longest: int) -> str:
    try:
        return clean_text(row.get(name, ""), name, longest)
    except MalformedField as refusal:
        raise _refused(refusal) from None


def _refused(refusal: MalformedField) -> RowRefused:
    return RowRefused(refusal.field.removeprefix("identities."), refusal.code, refusal.reason)
