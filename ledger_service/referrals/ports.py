"""What sharing needs of the checkout: sales of members, and what of them has come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection


class Purchase(Protocol):
    """A sale to a member, or an item that it claimed, as far as campaigns go by it."""

    @property
    def sale_id(self) -> bytes:
        """Its id."""

    @property
    def member_id(self) -> int:
        """Who bought."""

    @property
    def merchant_id(self) -> int:
        """Who sold."""

    @property
    def amount_minor(self) -> int:
        """The basket."""

    @property
    def cashier(self) -> str | None:
        """The merchant's own id of who served."""

    @property
    def sold_at(self) -> datetime:
        """When, by the till's clock."""

    @property
    def recorded_at(self) -> datetime:
        """When the ledger took it."""

    @property
    def scanned(self) -> bool:
        """Whether it is the claim of an item: no basket, and nobody served."""


class Customers(Protocol):
    """Who knows who has bought where; the checkout fulfils it."""

    def has_bought(self, conn: Connection, member_id: int, merchant_id: int) -> bool:
        """Whether any sale of the merchant's is the member's."""


class Sales(Customers, Protocol):
    """Who knows the sales; the checkout fulfils it."""

    def purchases(self, conn: Connection, recorded: Mapping[bytes, datetime]) -> Sequence[Purchase]:
        """The sales with these ids, each with the time that the ledger recorded it, that have a member."""

    def kept(self, conn: Connection, sale_ids: Iterable[bytes]) -> dict[bytes, int]:
        """Of those of the sales of which anything came back: what is left, in minor units."""
