"""Commitments of who brought whom are leaves of the transparency log, beside events, once each (INV-15)."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from ledger_service.db.engine import Database
from ledger_service.kernel.history_tree import hash_leaf, verify_inclusion
from ledger_service.referrals.links.telling import KIND, something_to_tell, tell_commitments
from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.epcis.service import capture_events
from ledger_service.traceability.log.auditing import LogFinding, audit_log
from ledger_service.traceability.log.models import log_word
from ledger_service.traceability.log.queries import has_work, taken_in
from ledger_service.traceability.log.service import CHECKPOINT_EVERY, checkpoint, grow, settle
from ledger_service.traceability.log.words import Word, logged, tell
from tests.integration.traceability.test_log import told

from .sharing import Sharing


def test_commitments_are_leaves_of_the_log_beside_events(sharing: Sharing) -> None:
    sharing.campaign()
    ann = sharing.shop.enrol()
    for _ in range(2):
        sharing.bring(ann)
    database, at = sharing.shop.database, sharing.shop.clock.at
    with database.begin() as conn:
        capture_events(conn, None, [told(0)], at)
        assert something_to_tell(conn)
        assert [tell_commitments(conn, 1) for _ in range(3)] == [1, 1, 0]
        assert not something_to_tell(conn)
        capture_events(conn, None, [told(1)], at)
        seen = conn.execute(select(epcis_event.c.event_seq).order_by(epcis_event.c.event_seq)).scalars()
        assert list(seen) == [0, 3], "events and words have numbers of one row"
        assert has_work(conn, at, CHECKPOINT_EVERY)
        assert (grow(conn, 3), grow(conn), checkpoint(conn, at)) == (3, 1, True)
    with database.begin() as conn:
        waits = logged(conn, KIND, 2)
        assert waits is not None
        assert waits.checkpoint is None
        settle(conn, 4, None)
        found = logged(conn, KIND, 2)
        assert found is not None
        assert found.checkpoint is not None
        size, root = found.checkpoint.size, found.checkpoint.root
        assert verify_inclusion(hash_leaf(found.body), 2, size, list(found.proof), root)
        assert (found.leaf, audit_log(conn).findings, logged(conn, KIND, 3)) == (2, [], None)
    with pytest.raises(IntegrityError), database.begin() as conn:
        tell(conn, KIND, [Word(2, b"another")])
    named: list[LogFinding] = []
    with pytest.raises(InterruptedError):
        rewritten(database, named)
    assert (named[0].event, named[0].parts) == (1, ("word",))


def test_no_more_is_in_the_log_than_there_is(sharing: Sharing) -> None:
    """Words behind the last event counted as done and not as work: 3 of 1."""
    sharing.campaign()
    ann = sharing.shop.enrol()
    for _ in range(2):
        sharing.bring(ann)
    with sharing.shop.database.begin() as conn:
        capture_events(conn, None, [told(0)], sharing.shop.clock.at)
        while tell_commitments(conn, 1):
            pass
        assert taken_in(conn) == (0, 3)
        assert (grow(conn, 2), taken_in(conn)) == (2, (2, 3))
        assert (grow(conn), taken_in(conn)) == (1, (3, 3))


def rewritten(database: Database, named: list[LogFinding]) -> None:
    with database.begin() as conn:
        unguard(conn)
        conn.execute(update(log_word).where(log_word.c.ref == 1).values(body=b"another"))
        named += audit_log(conn).findings
        raise InterruptedError


def unguard(conn: Connection) -> None:
    sqlite = conn.dialect.name == "sqlite"
    conn.exec_driver_sql(
        "DROP TRIGGER log_word_refuse_update" if sqlite else "ALTER TABLE log_word DISABLE TRIGGER USER"
    )
