"""What households may be asked for and what they answer, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from ledger_service.members.requests import NewDevice


@dataclass(frozen=True, slots=True)
class Rights:
    """What a mate may do: spend nothing, all, or up to a value in a day or month; and see the points."""

    spends: str
    limit_micros: int | None
    sees_balances: bool


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key for the household's account, and the lane of the mate's own device on which it lives.

    The proof of an account's first key names the zero address, for the account is not made yet.
    """

    device: NewDevice
    own_lane: int


@dataclass(frozen=True, slots=True)
class NewHousehold:
    """A household to begin: its owner, name, zone of days and months, and the rule of parting."""

    owner_number: str
    name: str | None
    timezone: str
    parting: str
    key: OwnKey


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The invited member's own answer; without a key it earns and looks, and cannot pay."""

    accept: bool
    shows_baskets: bool = False
    key: OwnKey | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the member behind the key, None for an operator; the subject for the record; when."""

    member_id: int | None
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MateView:
    """A mate as its household sees it."""

    member_id: int
    number: str
    name: str | None
    role: str
    state: str
    spends: str
    limit_micros: int | None
    left_micros: int | None
    sees_balances: bool
    shows_baskets: bool
    due: Mapping[tuple[int, int], int]


class SpentByKeys(Protocol):
    """Who knows the sales: what a mate's keys paid with; the checkout fulfils it."""

    def __call__(
        self, conn: Connection, household_id: int, lanes: frozenset[int], since: datetime
    ) -> dict[tuple[int, int], int]:
        """Points by programme and epoch that codes of these lanes paid with, less what came back."""
