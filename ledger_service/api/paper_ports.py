"""What the front door needs for papers and bank files of settlement periods; no chain is asked on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from ledger_service.points.catalogue import Catalogue
from ledger_service.settlement.bank.off_desk import OffDesk
from ledger_service.settlement.pool import PoolLine

Json = dict[str, Any]
# A programme's liability as of the end of a day, from a snapshot; ProgrammeUnknown, HistoryArchived.
LiabilityReport = Callable[[Connection, str, date], Json]
# The same of all programmes of an issuer, by its GLN, with their sums; HistoryArchived.
IssuerLiabilityReport = Callable[[Connection, int, date], Json]
# What is left before a merchant, by its GLN, has left the alliance.
LeavingReport = Callable[[Connection, Catalogue, int, datetime], Json]
# The pools of a closed period, from a snapshot; PeriodStillOpen, FiguresNotReady.
PoolLines = Callable[[Connection, int], list[PoolLine]]
# What is paid for a closed period beside the desk and which of it is paid, from a snapshot; FiguresNotReady.
PaidBeside = Callable[[Connection, int], OffDesk]
# A merchant's account, with the columns of the file that `alliance settle payouts` reads.
Accounts = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class PaperWish:
    """Which paper of a merchant's period: ``statement.csv``, ``statement.pdf``, ``journal.csv`` or
    ``owners.csv``; as of the close, or as netted where it is; the PDF's language."""

    paper: str
    as_of_close: bool = False
    language: str = "en"


class PeriodPapers(Protocol):
    """Where papers of closed periods come from."""

    def paper(self, period: int, merchant: int, wish: PaperWish) -> tuple[str, bytes]:
        """Name and bytes of a paper, which is locked: asked again it is the same.

        Raises:
            PeriodStillOpen: the period is not closed.
            FiguresNotReady: its close is not final, or no bridge has added it up yet.
            MerchantUnknown: no merchant of that period.
            PaperDiffers: it was written before with other bytes.
            NoOwners, OwnersPaperTooLong: of ``owners.csv``.
        """


@dataclass(frozen=True, slots=True)
class OrderWish:
    """For which day payouts are ordered, which order of the period it is, and whether in Latin letters."""

    execution: date
    attempt: int = 1
    latin: bool = False


class Banking(Protocol):
    """Payouts ordered at a bank, and marked as paid from its statement."""

    def order(self, period: int, accounts: Accounts, wish: OrderWish) -> tuple[bytes, Json]:
        """The payment order (pain.001), and the ``payouts`` and ``pools`` (programmes) in it.

        Raises:
            PeriodNotPublished, PeriodNotNetted, NothingToPay, PayoutsPaidAlready: see `settle payouts`.
            BankAccountsMalformed, BankAccountMissing, ReserveAccountMissing, BankNameNotLatin,
                PayoutTooLarge: likewise.
        """

    def read_statement(self, period: int, accounts: Accounts, statement: bytes) -> Json:
        """What a bank's statement (camt.053) paid is marked; what came of each booking.

        Raises:
            PeriodNotPublished, PeriodNotNetted, BankAccountsMalformed, BankAccountMissing,
                ReserveAccountMissing: as ``order``.
            BankStatementUnreadable, BankStatementForeign, BankStatementTooLarge, BankStatementTorn: the
                file; nothing is marked.
        """
