"""What the claims room needs of the checkout: the sale behind a receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a member reads from its receipt; ``sold_on`` is the store's day, ``code`` what a scan says."""

    merchant_id: int
    store_gln: int
    timezone: str
    sold_on: date
    reference: str
    amount_minor: int
    code: str | None = None


class FoundSale(Protocol):
    """A sale that a receipt may be of."""

    @property
    def sale_id(self) -> bytes:
        """Its id."""

    @property
    def has_member(self) -> bool:
        """Whether it has earned for somebody."""

    @property
    def total_minor(self) -> int:
        """What was to be paid."""

    @property
    def returned(self) -> bool:
        """Whether anything of it has come back."""

    @property
    def points(self) -> Mapping[int, int]:
        """What it would have earned, by programme, tiers aside."""

    @property
    def earned(self) -> bool:
        """Whether it has given points to its member."""


class SaleFinder(Protocol):
    """Who knows the sales; the checkout fulfils it."""

    def __call__(self, conn: Connection, receipt: Receipt) -> Sequence[FoundSale]:
        """The sales of the receipt's store and day with its reference, or the one that its code names."""
