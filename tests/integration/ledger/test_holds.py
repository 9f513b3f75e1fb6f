"""Holds on a real database: several captures, extension, void, deadline; closed once and for ever (INV-3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.points import Leg
from ledger_service.ledger import errors, queries
from ledger_service.ledger.models import hold, hold_event
from ledger_service.ledger.reconcile import differences
from tests.integration.ledger.bank import EPOCH, PROGRAMME, START, Hold, OnHold, issue, op

HOLD_ID = op("hold")


@pytest.fixture
def held(database: Database, writer: Writer) -> Writer:
    """Member 1 has 100 points in two lots, 80 of them held in two legs."""
    writer.submit(issue(op(1), 1, 60))
    writer.submit(issue(op(2), 1, 40, epoch=EPOCH + 1))
    legs = (Leg(PROGRAMME, 1, EPOCH, 60), Leg(PROGRAMME, 1, EPOCH + 1, 20))
    writer.submit(Hold(HOLD_ID, 1, 80, legs))
    return writer


def parts(database: Database) -> tuple[int, int]:
    with database.snapshot() as conn:
        assert list(differences(conn)) == []
        lots = queries.balance(conn, 1)
    return sum(v.available for v in lots), sum(v.held for v in lots)


def test_a_hold_takes_points_out_of_what_is_available(database: Database, held: Writer) -> None:
    assert parts(database) == (20, 80)
    with pytest.raises(errors.InsufficientPoints):
        held.submit(Hold(op("another"), 1, 1))  # the first lot is held to its last point


def test_captures_in_parts_take_what_they_say_and_the_last_one_closes(
    database: Database, held: Writer
) -> None:
    held.submit(OnHold(HOLD_ID, "capture", (10, 0)))
    assert parts(database) == (20, 70)
    held.submit(OnHold(HOLD_ID, "capture", (50, 5)))
    held.submit(OnHold(HOLD_ID, "capture", (0, 15)))
    assert parts(database) == (20, 0)
    with pytest.raises(errors.HoldClosed):
        held.submit(OnHold(HOLD_ID, "capture", (0, 0)))
    with database.read() as conn:
        events = conn.execute(select(hold_event.c.kind, hold_event.c.closing).order_by("position")).all()
        row = conn.execute(select(hold)).one()
    assert [tuple(e) for e in events] == [("capture", None), ("capture", None), ("capture", 1)]
    assert (row.points_held, row.points_captured, row.points_released) == (80, 80, 0)


def test_a_final_capture_frees_the_rest_at_once(database: Database, held: Writer) -> None:
    held.submit(OnHold(HOLD_ID, "capture", (60, 1), final=True))
    assert parts(database) == (39, 0)


def test_a_capture_beyond_one_leg_is_refused_whole_and_names_the_leg(
    database: Database, held: Writer
) -> None:
    with pytest.raises(errors.CaptureTooLarge) as refusal:
        held.submit(OnHold(HOLD_ID, "capture", (60, 21)))
    assert refusal.value.params == {"hold_id": HOLD_ID.hex(), "leg": 1, "left": 20, "wanted": 21}
    with pytest.raises(errors.CaptureTooLarge):
        held.submit(OnHold(HOLD_ID, "capture", (-1, 0)))
    assert parts(database) == (20, 80)


@pytest.mark.parametrize("closing", ["void", "expire"])
def test_a_closed_hold_gives_its_points_back_once(database: Database, held: Writer, closing: str) -> None:
    after = START + timedelta(minutes=10)
    assert held.submit(OnHold(HOLD_ID, closing, at=after))
    assert parts(database) == (100, 0)
    for act in (
        OnHold(HOLD_ID, "void"),
        OnHold(HOLD_ID, "capture", (1, 0)),
        OnHold(HOLD_ID, "extend", to=after),
    ):
        with pytest.raises(errors.HoldClosed):
            held.submit(act)
    assert held.submit(OnHold(HOLD_ID, "expire", at=after)) is False
    assert parts(database) == (100, 0)


def test_a_hold_serves_up_to_its_deadline_and_not_at_it(database: Database, held: Writer) -> None:
    deadline = START + timedelta(minutes=10)
    assert held.submit(OnHold(HOLD_ID, "expire", at=deadline - timedelta(microseconds=1))) is False
    held.submit(OnHold(HOLD_ID, "capture", (1, 0), at=deadline - timedelta(microseconds=1)))
    with pytest.raises(errors.HoldExpired):
        held.submit(OnHold(HOLD_ID, "capture", (1, 0), at=deadline))
    with database.read() as conn:
        assert queries.holds_due(conn, deadline - timedelta(microseconds=1), 10) == []
        assert queries.holds_due(conn, deadline, 10) == [(HOLD_ID, 1)]


def test_an_extension_moves_the_deadline_but_not_beyond_the_last(database: Database, held: Writer) -> None:
    later = START + timedelta(hours=5)
    held.submit(OnHold(HOLD_ID, "extend", to=later))
    held.submit(OnHold(HOLD_ID, "capture", (1, 0), at=later - timedelta(seconds=1)))
    for to in (later, START + timedelta(days=3, seconds=1)):
        with pytest.raises(errors.ExtensionRefused):
            held.submit(OnHold(HOLD_ID, "extend", to=to, at=later - timedelta(seconds=1)))


def test_another_merchants_hold_is_unknown(held: Writer) -> None:
    with pytest.raises(errors.HoldUnknown):
        held.submit(OnHold(op("none"), "void"))


def test_the_database_itself_refuses_a_second_closing_and_a_capture_beyond_the_hold(
    database: Database, held: Writer
) -> None:
    held.submit(OnHold(HOLD_ID, "void"))
    again = {"hold_id": HOLD_ID, "position": 9, "kind": "capture", "closing": 1, "op_id": op(9),
             "occurred_at": START, "captured": "[]"}  # fmt: skip
    with pytest.raises(DBAPIError, match=r"hold_event"), database.begin() as conn:
        conn.execute(hold_event.insert(), [again])
    with pytest.raises(DBAPIError, match=r"ck_hold_(within_held|closed_is_empty)"), database.begin() as conn:
        conn.execute(hold.update().values(points_captured=81))
    with pytest.raises(DBAPIError, match="closed_is_empty"), database.begin() as conn:
        conn.execute(hold.update().values(points_released=1))
