"""What is over moves out of the database, and nobody's books differ: before, after, and with later trade."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger_service.archive.errors import ArchiveRefused
from ledger_service.archive.room import Room
from ledger_service.archive.service import archive
from ledger_service.archive.verifying import lines
from ledger_service.bootstrap.ledger_view import SqlLedgerView
from ledger_service.checkout.archive_errors import AnswerArchived
from ledger_service.checkout.errors import IdempotencyKeyReused
from ledger_service.ledger import queries
from ledger_service.ledger.errors import HistoryArchived
from ledger_service.ledger.rules import ledger_base_of
from ledger_service.points import programmes
from ledger_service.points.inactivity import needed_since
from ledger_service.points.inactivity_rules import Activity
from tests.integration.archive.old_ledger import BEFORE, KEY, SALES, OldLedger
from tests.integration.checkout.shop import START, line


def test_every_sum_is_the_same_before_and_after_and_the_tables_are_small(old: OldLedger) -> None:
    was, entries = _sums(old), old.shop.count("entry")
    done = old.archive()
    assert (done.entries, done.answers) == (entries - 1, old.shop.count("idempotency"))
    assert old.shop.count("entry") == 1, "the newest stays, by which the head is known"
    assert _sums(old) == was
    assert old.faults() == []
    assert done.root is not None


def test_trade_goes_on_and_a_second_archive_goes_on_from_the_first(old: OldLedger) -> None:
    first = old.archive()
    old.sell("summer")
    refund = old.shop.refund(old.sales[0])
    assert refund["refunded_minor"] == 2_500, "a sale may still come back; only its answer and entry are away"
    old.settle()
    old.shop.clock.forward(days=90)
    second = archive(old.room, old.shop.clock.at - timedelta(days=40), lambda _what, _done: None)
    assert (first.file, second.file) == ("archive-000001.jsonl.gz", "archive-000002.jsonl.gz")
    assert second.entries > 0
    assert old.faults() == []


def test_an_old_key_never_books_twice(old: OldLedger) -> None:
    before = _sums(old)
    assert old.sell(KEY)["sale_id"] == old.sales[0]
    old.archive()
    with pytest.raises(AnswerArchived) as refused:
        old.sell(KEY)
    with pytest.raises(IdempotencyKeyReused):
        old.shop.send_sale(old.shop.sale_body(line("1", 9_900)), KEY)
    assert _sums(old) == before
    file, _, chapter = refused.value.archive.partition("#")
    told = [orjson.loads(record) for record in lines(old.room, file, int(chapter))]
    answer = next(one["response"] for one in told if one["key"] == KEY)
    assert orjson.loads(answer)["sale_id"] == old.sales[0], "the answer stands where the refusal says"


def test_a_balance_of_an_instant_whose_entries_are_away_is_refused_and_a_later_one_is_right(
    old: OldLedger,
) -> None:
    base, now = ledger_base_of(old.phones[0].member_id), old.shop.clock.at
    with old.shop.database.read() as conn:
        was = queries.balance_as_of(conn, base, now)
    old.archive()
    with old.shop.database.read() as conn:
        assert queries.balance_as_of(conn, base, now) == was
        with pytest.raises(HistoryArchived, match=r"archive-000001"):
            queries.balance_as_of(conn, base, START - timedelta(seconds=1))


def test_what_is_not_over_stays_and_all_behind_it(old: OldLedger) -> None:
    with old.shop.database.begin() as conn:
        conn.execute(text("UPDATE intent SET state = 'mined' WHERE intent_id = 3"))
    done = old.archive()
    assert done.stays == "entry 3 has an operation that is mined, not final"
    assert done.entries == 2
    assert old.faults() == []


def test_an_open_settlement_period_keeps_its_entries(old: OldLedger) -> None:
    room = Room(old.room.database, old.room.clock, old.room.folder, lambda _conn, _batches: frozenset())
    done = archive(room, BEFORE, lambda _what, _done: None)
    assert (done.entries, done.stays) == (0, "entry 1 has an operation of a settlement period that is open")


def test_what_the_contract_refused_keeps_nobody(old: OldLedger) -> None:
    with old.shop.database.begin() as conn:
        conn.execute(text("UPDATE intent SET state = 'set_aside', reason = 'x' WHERE intent_id = 3"))
    assert old.archive().entries == _last(old) - 1


def test_a_date_of_this_month_is_refused(old: OldLedger) -> None:
    with pytest.raises(ArchiveRefused, match="older than a month"):
        archive(old.room, old.shop.clock.at - timedelta(days=30), lambda _what, _done: None)
    assert old.shop.count("archive") == 0


def test_where_nothing_is_old_enough_no_archive_is_begun(old: OldLedger) -> None:
    done = archive(old.room, START - timedelta(days=300), lambda _what, _done: None)
    assert (done.root, done.stays, old.shop.count("archive")) == (None, "entry 1 is younger", 0)


def test_an_entry_that_was_tampered_with_is_not_sealed(old: OldLedger) -> None:
    with old.shop.database.begin() as conn:
        if old.shop.database.is_sqlite:
            conn.execute(text("DROP TRIGGER entry_refuse_update"))
        else:
            conn.execute(text("ALTER TABLE entry DISABLE TRIGGER entry_refuse_rewrite"))
        conn.execute(text("UPDATE entry SET body = '{}' WHERE sequence = 6"))
    with pytest.raises(ArchiveRefused, match="entry 6 is not what its hash says"):
        old.archive()
    assert old.shop.count("entry") == _last(old) - 4, "the step before stands, the one with it does not"


def test_the_database_lets_go_of_what_is_archived_and_of_nothing_else(old: OldLedger) -> None:
    old.archive()
    for table in ("posting", "entry"):
        with pytest.raises(DBAPIError, match="append-only"), old.shop.database.begin() as conn:
            conn.execute(text(f"DELETE FROM {table}"))


def _sums(old: OldLedger) -> object:
    view = SqlLedgerView()
    with old.shop.database.snapshot() as conn:
        balances = [queries.balance(conn, phone.member_id) for phone in old.phones]
        return queries.totals(conn), list(view.postings(conn)), list(view.lots(conn)), balances


def _last(old: OldLedger) -> int:
    with old.shop.database.read() as conn:
        return int(conn.execute(text("SELECT sequence FROM ledger_head")).scalar_one())


def test_the_spring_has_all_kinds_of_entries(old: OldLedger) -> None:
    with old.shop.database.read() as conn:
        kinds = set(conn.execute(text("SELECT kind FROM entry")).scalars())
    assert {"issue", "redeem", "hold", "promise"} <= kinds and len(kinds) > 5, kinds
    assert len(old.sales) == SALES


def test_what_may_keep_points_alive_stays(old: OldLedger) -> None:
    """Points that lapse a year after the last activity need the entries since the month of their issue."""
    shop = old.shop
    with shop.database.begin() as conn:
        programmes.set_activities(conn, shop.catalogue.current().programmes[1], [Activity.EARN])
    assert old.archive().entries > 0, "what was earned in the month of the oldest points puts nothing off"
    for key in ("summer", "after it: the newest entry always stays"):
        old.sell(key)
    old.settle()
    shop.clock.forward(days=90)
    later = shop.clock.at - timedelta(days=40)
    done = archive(old.room, later, lambda _what, _done: None)
    assert done.entries <= 1
    assert done.stays.endswith("may keep points alive that lapse through inactivity")
    with shop.database.begin() as conn:
        conn.execute(text("UPDATE programme SET inactivity = NULL"))
        assert needed_since(conn) is None
    assert archive(old.room, later, lambda _what, _done: None).entries > 0
    assert old.faults() == []
