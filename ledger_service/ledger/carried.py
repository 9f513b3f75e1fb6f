"""What archives have taken out of the ledger: the sums they left, and up to where history has gone.

Every sum over all postings is one over ``EVERY_POSTING``; it is the same before, while and after entries move
into a file, because the db transaction that deletes postings adds them to ``carried``.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

_SIDES = "source_id, destination_id, programme_id, epoch, amount"
EVERY_POSTING = f"(SELECT {_SIDES} FROM posting UNION ALL SELECT {_SIDES} FROM carried)"
_LAST = text(
    "SELECT COALESCE(MAX(last_sequence), 0), COALESCE(MAX(occurred_until), 0),"
    " COALESCE(MAX(recorded_until), 0) FROM archive_chapter WHERE kind = 'entries'"
)
_FILE_OF_LAST = text(
    "SELECT a.file FROM archive AS a WHERE a.number ="
    " (SELECT MAX(archive) FROM archive_chapter WHERE kind = 'entries')"
)


class Archived(NamedTuple):
    """The last entry that stands in an archive (0 for none), and the latest instants of those that do.

    Instants are micros: when they occurred, and when they were written.
    """

    sequence: int
    occurred_until: int
    recorded_until: int


def archived(conn: Connection) -> Archived:
    """How far the beginning of the ledger has moved into archives; one look at a small index."""
    return Archived(*map(int, conn.execute(_LAST).one()))


def newest_file(conn: Connection) -> str:
    """The name of the archive that holds the latest archived entry; empty for none."""
    return conn.execute(_FILE_OF_LAST).scalar_one_or_none() or ""
