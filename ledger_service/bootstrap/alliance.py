"""The alliance as its one row tells: chain, contracts, currency and limits; written when it is founded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from ledger_service.config import ConfigurationError
from ledger_service.db.bulk import sql_of
from ledger_service.db.models import alliance
from ledger_service.kernel.eip712 import RECOVERY_NAME, Domain


class NotFounded(ConfigurationError):
    """The database holds no alliance yet; `alliance setup` founds one."""


@dataclass(frozen=True, slots=True)
class Alliance:
    """What every process must know of the alliance; the limits are micros of the settlement currency.

    ``extends`` says whether the ClearingHouse in force takes extensions, ``pairs`` whether the registry
    takes terms of pairs, ``converts`` whether it takes conversions and ends of programmes.
    """

    name: str
    currency: str
    gs1_prefix: str
    chain_id: int
    clearing_house: bytes
    registry: bytes
    manager: bytes
    points_implementation: bytes
    per_permit_micros: int
    per_day_micros: int
    founded_at: datetime
    recovery_desk: bytes | None = None
    settlement_desk: bytes | None = None
    reserve_desk: bytes | None = None
    extends: bool = False
    pairs: bool = False
    converts: bool = False
    coupons: bytes | None = None
    item_registry: bytes | None = None
    campaign_desk: bytes | None = None
    transparency_log: bytes | None = None

    @property
    def draws(self) -> bool:
        """Whether blocks draw its prizes: its chain has both contracts that the bridge's job needs."""
        return self.item_registry is not None and self.transparency_log is not None

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of permits and slices."""
        return Domain(self.chain_id, self.clearing_house)

    @property
    def recovery_domain(self) -> Domain | None:
        """The EIP-712 domain of objections; None where the contracts are older than accounts that move."""
        desk = self.recovery_desk
        return None if desk is None else Domain(self.chain_id, desk, RECOVERY_NAME)


def find_alliance(conn: Connection) -> Alliance | None:
    """The alliance of this database, or None before it is founded."""
    row = conn.execute(select(alliance)).mappings().one_or_none()
    return None if row is None else Alliance(**{name: row[name] for name in Alliance.__dataclass_fields__})


def the_alliance(conn: Connection) -> Alliance:
    """The alliance of this database.

    Raises:
        NotFounded: there is none yet.
    """
    found = find_alliance(conn)
    if found is None:
        raise NotFounded("no alliance is founded in this database yet: run `alliance setup`")
    return found


def store_alliance(conn: Connection, founded: Alliance) -> None:
    """The alliance's row stands; one that is there already stays as it is."""
    row = {"id": 1, **{name: getattr(founded, name) for name in Alliance.__dataclass_fields__}}
    sql_of(alliance, conn).insert(conn, [row], or_ignore=True)
