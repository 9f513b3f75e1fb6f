"""Coupons wired: wallets for serving processes, lists of codes for the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple, TextIO

from ledger_service.bootstrap.alliance import the_alliance
from ledger_service.bootstrap.clocks import NotedClock, SystemClock
from ledger_service.bootstrap.foundations import SystemRandom, background_clock, lay_foundations
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.chain.beside.reading import Reader
from ledger_service.chain.beside.targets import coupons_at
from ledger_service.chain.periods import period_of
from ledger_service.checkout.couponing.clearing import debts_of, every_coupon
from ledger_service.config import Settings
from ledger_service.coupons.codes.making import ListDesk
from ledger_service.coupons.codes.seeds import safe_of, tagger_of
from ledger_service.coupons.definitions.catalogue import CouponCatalogueCache
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.coupons.wallet.service import WalletService
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.settlement.coupons import COLUMNS, Clearing, cleared, write_coupons

_ROWS_AT_ONCE = 500


def wallets_of(writer: Writer, catalogue: CouponCatalogueCache, secret: bytes) -> WalletService:
    """The wallet room; ``secret`` is the service's one-time secret, from which that of codes follows."""
    return WalletService(writer, CatalogueOffers(catalogue), tagger_of(secret))


class ClearingWritten(NamedTuple):
    """How many rows a clearing file has, and what they come to."""

    rows: int
    clearing: Clearing


def write_clearing(database: Database, period: int, merchant: int | None, file: TextIO) -> ClearingWritten:
    """The clearing file of a period: what concerns a merchant, or all of it.

    Raises:
        PeriodUnknown: it has not begun.
    """
    file.write(",".join(COLUMNS) + "\r\n")
    rows = 0
    with database.snapshot() as conn:
        period_of(conn, period)
        contract = the_alliance(conn).coupons
        reader = None if contract is None else Reader(coupons_at(contract))
        coupons = every_coupon(conn, period, merchant)
        while some := list(islice(coupons, _ROWS_AT_ONCE)):
            told = [one.op_id for one in some if one.op_id is not None]
            proofs = {} if reader is None else reader.proven(conn, told)[0]
            rows += write_coupons(file, some, proofs)
        debts = debts_of(conn, period)
        own = {pair: minor for pair, minor in debts.items() if merchant is None or merchant in pair}
        return ClearingWritten(rows, cleared(own))


@contextmanager
def coupon_lists(settings: Settings) -> Iterator[tuple[ListDesk, NotedClock | SystemClock]]:
    """Lists of codes beside a service that runs; needs the signing process, which keeps the secret.

    Raises:
        NotFounded: the database holds no alliance yet.
        SignerUnavailable: the signing process does not answer.
    """
    foundations = lay_foundations(settings)
    try:
        random, secret = SystemRandom(), secrets_of(foundations).one_time
        desk = ListDesk(foundations.database, tagger_of(secret), safe_of(secret, random), random)
        yield desk, background_clock(settings, foundations.database)
    finally:
        foundations.close()
