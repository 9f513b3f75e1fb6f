"""What a member holds and owes comes in one row, on either database."""

from __future__ import annotations

from sqlalchemy import text

from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.ledger.queries import LotView
from ledger_service.ledger.rules import Movement, Part, SystemKind, ledger_base_of, system_account
from ledger_service.ledger.standing import Standing, standing_columns, standing_of
from tests.integration.ledger.bank import PROGRAMME, Move, issue, op, redeem, side


def seen(database: Database, member_id: int) -> Standing:
    """The standing of a member that an outer query names ``somebody``."""
    outer = f"SELECT {member_id} AS member_id, {ledger_base_of(member_id)} AS ledger_base"
    with database.read() as conn:
        columns = ", ".join(standing_columns(conn.dialect.name, "somebody"))
        return standing_of(*conn.execute(text(f"SELECT {columns} FROM ({outer}) AS somebody")).one())


def owe(number: int, member_id: int, programme: int, amount: int) -> Move:
    contra = system_account(SystemKind.DEBT_CONTRA, programme)
    return Move(op(number), "debt", [Movement(contra, side(member_id, Part.DEBT), programme, 0, amount)])


def test_lots_come_by_programme_and_epoch_without_the_empty_ones(database: Database, writer: Writer) -> None:
    writer.submit(issue(op(1), 1, 100, epoch=12))
    writer.submit(issue(op(2), 1, 7, epoch=3))
    writer.submit(issue(op(3), 1, 5, epoch=9))
    writer.submit(redeem(op(4), 1, 5))
    writer.submit(issue(op(5), 2, 1_000))
    assert seen(database, 1) == Standing(
        [LotView(PROGRAMME, 3, 7, 0, 0), LotView(PROGRAMME, 12, 100, 0, 0)], {}
    )


def test_debts_are_summed_by_programme_and_paid_ones_are_gone(database: Database, writer: Writer) -> None:
    writer.submit(owe(1, 1, 1, 40))
    writer.submit(owe(2, 1, 1, 2))
    writer.submit(owe(3, 1, 2, 9))
    contra = system_account(SystemKind.DEBT_CONTRA, 2)
    writer.submit(Move(op(4), "debt", [Movement(side(1, Part.DEBT), contra, 2, 0, 9)]))
    assert seen(database, 1) == Standing([], {1: 42})


def test_a_member_with_nothing_has_nothing(database: Database) -> None:
    assert seen(database, 1) == Standing([], {})
