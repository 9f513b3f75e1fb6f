"""The parallel run: comparing, taking everything back, and what an imported sale can and cannot do."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ledger_service.checkout.errors import SaleWasImported, UnknownSale
from ledger_service.kernel.ids import id_text
from ledger_service.moving_in.errors import ImportFileMalformed, ImportStateWrong
from ledger_service.moving_in.past import imported_sale_id
from ledger_service.moving_in.reconcile import differences as differences_of
from tests.integration.checkout.shop import FUEL, GROCER, Phone, line

from .office import Office, Table, old_programme


def exported(office: Office, lots: Table) -> Path:
    """The old system's lots of today as a file."""
    return office.written({"lots": lots}, "export") / "lots.csv"


def differences(office: Office, lots: Table) -> list[dict[str, str]]:
    into = office.folder / "differences.csv"
    found = office.room.compare("first", exported(office, lots), into)
    with into.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert found.differences == len(rows)
    return rows


def phone_of(office: Office, external: str) -> Phone:
    """A member that moved in, as a till sees it by its number."""
    member_id = office.member_id(external)
    assert member_id is not None
    query = f"SELECT member_number FROM member WHERE member_id = {member_id}"
    with office.shop.database.read() as conn:
        return Phone(member_id, str(conn.exec_driver_sql(query).scalar_one()), b"", b"")


def test_an_export_that_says_the_same_has_no_difference(office: Office) -> None:
    office.loaded(old_programme())
    assert differences(office, old_programme()["lots"]) == []
    office.room.cut_over("first")
    assert differences(office, old_programme()["lots"]) == [], "also afterwards: it compares what moved in"


def test_every_balance_that_moved_on_in_the_old_system_is_named(office: Office) -> None:
    office.loaded(old_programme())
    lots = old_programme()["lots"]
    lots[0]["points"] = "90"
    del lots[3]
    lots.append({**lots[0], "external_id": "M-NEW", "points": "7"})
    told = differences(office, lots)
    spent, gone = office.member_id("M-0000"), office.member_id("M-0001")
    assert [(r["member_id"], r["external_id"], r["programme"], r["exported"], r["here"]) for r in told] == [
        (str(spent), "", "GROC", "90", "100"),
        (str(gone), "", "FUEL", "0", "101"),
        ("", "M-NEW", "GROC", "7", "0"),
    ]


def test_an_export_without_readable_points_is_no_comparison(office: Office) -> None:
    office.loaded(old_programme())
    lots = old_programme()["lots"]
    lots[4]["points"] = "?"
    with pytest.raises(ImportFileMalformed) as refusal:
        office.room.compare("first", exported(office, lots), office.folder / "d.csv")
    assert refusal.value.line == 6


def test_a_roll_back_leaves_entries_and_nothing_else(office: Office) -> None:
    office.loaded(old_programme())
    assert office.room.roll_back("first").state == "rolled_back"
    counts = office.counts()
    left = {"member": 6, "account": 6 * 4 + 2, "entry": 6 + 12, "posting": 24, "lot": 12}
    assert {table: n for table, n in counts.items() if n} == left
    assert (office.points("pending"), office.points("available")) == (0, 0)
    assert office.drawn()[:2] == [0, 0]
    assert office.member_id("M-0003") is None, "nothing personal is left of who never acted"
    office.room.roll_back("first")
    assert office.counts() == counts
    with pytest.raises(ImportStateWrong):
        office.room.cut_over("first")


def test_after_a_roll_back_the_same_files_come_in_under_a_new_name(office: Office) -> None:
    office.loaded(old_programme())
    office.room.roll_back("first")
    record = office.loaded(old_programme(), "second")
    assert all(file.loaded.rejected == 0 for file in record.files.values())
    assert office.points("pending") == 1230


def test_who_has_acted_meanwhile_stays_without_the_balance(office: Office) -> None:
    office.loaded(old_programme())
    phone = phone_of(office, "M-0002")
    office.shop.sell(phone, line("1", 5_000))
    office.room.roll_back("first")
    assert office.member_id("M-0002") == phone.member_id
    assert (office.points("pending"), office.points("available")) == (0, 50)
    with office.shop.database.read() as conn:
        gone = conn.exec_driver_sql("SELECT COUNT(*) FROM member WHERE status = 'erased'").scalar()
    assert gone == 5


def test_a_roll_back_may_begin_in_the_middle_of_a_load(office: Office) -> None:
    folder = office.written(old_programme())
    office.room.check(folder)

    def stop(what: str, *_: object) -> None:
        if what == "load lots":
            raise KeyboardInterrupt

    office.room._note = stop
    with pytest.raises(KeyboardInterrupt):
        office.room.load(folder)
    office.room._note = lambda *_: None
    assert office.record().state == "loading"
    office.room.roll_back("first")
    assert office.points("pending") == 0


def test_imported_points_earned_here_and_spent_here_stand_side_by_side(office: Office) -> None:
    office.loaded(old_programme())
    phone = phone_of(office, "M-0002")
    office.shop.stock(phone, 1, 40)
    assert office.shop.balance(phone, 1) == 40
    office.room.cut_over("first")
    assert office.points("available", 1) == 40 + 615


def test_a_refund_of_an_imported_sale_is_refused_with_its_reason(office: Office) -> None:
    office.loaded(old_programme())
    sale_id = id_text(imported_sale_id(GROCER, "bon 77"))
    for _ in range(2):
        with pytest.raises(SaleWasImported) as refusal:
            office.shop.refund(sale_id)
        assert refusal.value.reference == "bon 77"
    with pytest.raises(UnknownSale):
        office.shop.refund(sale_id, at=FUEL)
    with pytest.raises(UnknownSale):
        office.shop.refund(id_text(imported_sale_id(GROCER, "bon 78")))
    assert office.shop.count("refund") == 0


def test_a_promise_that_the_import_and_the_ledger_tell_differently_is_named(office: Office) -> None:
    office.loaded(old_programme())
    change = "UPDATE moved_lot SET points = points {} 1 WHERE member_id = 2 AND programme_id = 1"
    with office.shop.database.begin() as conn:
        conn.exec_driver_sql(change.format("+"))
        told = list(differences_of(conn))
        conn.exec_driver_sql(change.format("-"))
    assert [(one.check, one.expected, one.found) for one in told] == [("moved-in", "101", "102")]
