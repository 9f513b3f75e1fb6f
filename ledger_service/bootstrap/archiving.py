"""The archive wired: the installation's database, the chain's closed periods, the folder of the files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.archive.errors import ArchiveRefused
from ledger_service.archive.room import Room
from ledger_service.bootstrap.auditing import audit
from ledger_service.bootstrap.foundations import background_clock, lay_foundations
from ledger_service.chain.status import in_closed_periods
from ledger_service.config import Settings

FOLDER = "archive"


@contextmanager
def open_archives(settings: Settings, folder: Path | None) -> Iterator[Room]:
    """What an archive works with; its files stand in ``archive`` of the state folder, or where it is said.

    Raises:
        NotFounded: the database holds no alliance yet.
    """
    foundations = lay_foundations(settings)
    clock = background_clock(settings, foundations.database)
    try:
        where = folder or settings.state_dir / FOLDER
        yield Room(foundations.database, clock, where, in_closed_periods)
    finally:
        foundations.close()


def must_add_up(settings: Settings) -> None:
    """The books agree, so that an archive seals no fault.

    Raises:
        ArchiveRefused: the audit names a difference.
    """
    verdict = audit(settings, ask_node=False)
    if verdict.findings:
        raise ArchiveRefused(f"the audit names {len(verdict.findings)} differences: see `alliance audit`")
