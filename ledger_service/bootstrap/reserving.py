"""What stands behind merchants' points, from a command beside the bridge (`alliance reserve`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger_service.bootstrap.beside_bridge import replay_stamp, steps_beside_bridge
from ledger_service.bootstrap.foundations import Foundations, background_clock
from ledger_service.chain.reserves.office import Account, Coverage, ReserveOffice
from ledger_service.chain.status import merchants_admitted
from ledger_service.config import Settings
from ledger_service.custody.requests import SignCustodian
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.reserve_words import Figure
from ledger_service.settlement.errors import NotInDefault, ReservesNotOffered


@dataclass(frozen=True, slots=True)
class Standing:
    """A merchant's reserve account and coverage at the head of the chain; ``stale_from`` in seconds, 0 for a
    merchant without a figure."""

    merchant: int
    account: Account
    coverage: Coverage
    stale_from: int


@contextmanager
def reserves(settings: Settings) -> Iterator[Reserves]:
    """The parts, over database, node and custody of the settings; closed at the end.

    Raises:
        ReservesNotOffered: the alliance has no ReserveDesk.
    """
    with steps_beside_bridge(settings) as (foundations, steps):
        desk = foundations.alliance.reserve_desk
        if desk is None:
            raise ReservesNotOffered()
        yield Reserves(foundations, ReserveOffice(steps, desk), desk)


class Reserves:
    """What operator, merchants and custodians do about reserves. Every step is done once."""

    def __init__(self, foundations: Foundations, office: ReserveOffice, desk: bytes) -> None:
        self._foundations, self._office, self._desk = foundations, office, desk
        self._stamp = replay_stamp(foundations)

    def name_custodian(self, merchant: int, custodian: bytes, signature: bytes | None) -> Standing:
        """That address signs the merchant's figures from now on.

        Args:
            merchant: whose reserve.
            custodian: its address.
            signature: of the merchant's admin key; None where that key is in custody.

        Raises:
            AdminRefused: not the merchant's word.
        """
        account = self._office.account(merchant)
        if account.custodian != custodian:
            asked = SignCustodian(merchant, self._desk, custodian, account.nonce)
            word = signature or self._foundations.custody.sign_custodian(asked)
            self._office.name_custodian(merchant, custodian, (account.nonce, word), self._stamp)
        return self.standing(merchant)

    def require(self, merchant: int, bps: int, since: int) -> Standing:
        """So much of what is outstanding must be covered from then on; 0 ends it.

        Raises:
            AdminRefused: more than before, with less than 8 days of notice.
        """
        self._office.require(merchant, bps, since, self._stamp)
        return self.standing(merchant)

    def bring(self, figure: Figure, signature: bytes) -> Standing:
        """The custodian's figure counts.

        Raises:
            AdminRefused: another key, an old or a future figure.
        """
        self._office.bring(figure, signature, self._stamp)
        return self.standing(figure.merchant)

    def refresh(self, merchant: int) -> Standing:
        """The last figure is counted anew, after redemptions or with a new requirement."""
        clock = background_clock(self._foundations.settings, self._foundations.database)
        self._office.refresh(merchant, seconds_floor(clock.now()), self._stamp)
        return self.standing(merchant)

    def default(self, merchant: int, since: int, evidence: Path) -> Standing:
        """Nothing of the merchant that is accepted from then on is issued.

        Raises:
            AdminRefused: less than an hour ahead, or in default already.
        """
        self._office.default(merchant, since, _digest(evidence), self._stamp)
        return self.standing(merchant)

    def cure(self, merchant: int, evidence: Path) -> Standing:
        """The default is over; what the reserve covers counts again.

        Raises:
            NotInDefault: there is none.
        """
        since = self._office.account(merchant).default_from
        if not since:
            raise NotInDefault(merchant)
        self._office.cure(merchant, since, _digest(evidence), self._stamp)
        return self.standing(merchant)

    def standings(self) -> list[Standing]:
        """Every merchant that the chain knows."""
        with self._foundations.database.snapshot() as conn:
            merchants = merchants_admitted(conn)
        return [self.standing(merchant) for merchant in merchants]

    def standing(self, merchant: int) -> Standing:
        """A merchant's reserve at the head."""
        account = self._office.account(merchant)
        stale_from = account.as_of + self._office.figure_life() if account.as_of else 0
        return Standing(merchant, account, self._office.coverage(merchant), stale_from)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
