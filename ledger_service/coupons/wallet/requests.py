"""What the wallet may be asked for, and whom it asks about definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from ledger_service.coupons.codes.lookup import Tags
from ledger_service.coupons.wallet.rules import Offer


class Offers(Protocol):
    """Who knows the definitions; the definitions' own room fulfils it."""

    def live(self, definition_id: int, at: datetime) -> Offer | None:
        """What a coupon of the definition made now is like; None where it is not given out now."""

    def promised(self, merchant_id: int, code: str, version: int, at: datetime) -> Offer | None:
        """The same of one version of a merchant's definition, whichever is in force meanwhile."""

    def is_over(self, merchant_id: int, code: str, version: int, at: datetime) -> bool:
        """Whether no coupon of that version can ever be made any more: withdrawn, or its time is over."""

    def offered(self, source: str, member_id: int, at: datetime) -> frozenset[int]:
        """The definitions that a source offers the member then; none of a source that is not live."""

    def gift_rule(self, definition_id: int, version: int) -> str:
        """Whether coupons of that version are given on: none, once or alliance."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A member takes a coupon: by the code that it has, or as a source (a link) offers it."""

    member_number: str
    tags: Tags | None = None
    definition_id: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Giving:
    """A member gives a coupon of its wallet to another member."""

    giver_number: str
    coupon_id: bytes
    recipient_number: str


@dataclass(frozen=True, slots=True)
class Granting:
    """Members get a coupon each without asking; the same ``reference`` again gives nobody a second one."""

    definition_id: int
    member_numbers: Sequence[str]
    reference: str
    source: str | None = None


class Asked(NamedTuple):
    """Which key asks, and when."""

    subject: str
    at: datetime


class Held(NamedTuple):
    """A coupon that a wallet got."""

    coupon_id: bytes
    definition_id: int
    version: int
    expires_at: datetime | None
