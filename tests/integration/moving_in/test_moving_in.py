"""The way of an import: check, load, parallel run, cut-over or roll-back; every stage may be repeated."""

from __future__ import annotations

import csv

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.booked import unbooked
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.members.identities import Identity
from ledger_service.members.models import member, member_card, member_preference
from ledger_service.moving_in.errors import (
    ControlTotalsDiffer,
    ImportCapTooLow,
    ImportFileMalformed,
    ImportFilesChanged,
    ImportIssuerSuspended,
    ImportStateWrong,
    RejectsNotAcknowledged,
)
from ledger_service.outbox.models import intent
from tests.integration.checkout.shop import GROCER

from .office import Office, old_programme


def test_a_check_writes_nothing_but_that_it_was_made(office: Office) -> None:
    before = office.counts()
    found = office.room.check(office.written(old_programme()))
    assert {kind: tally.accepted for kind, tally in found.tallies.items()} == {
        "members": 6, "cards": 6, "lots": 12, "history": 6, "sales": 1,
    }  # fmt: skip
    assert office.counts() == before
    assert office.record().state == "checked"


def test_loaded_members_can_be_read_and_cannot_spend(office: Office) -> None:
    record = office.loaded(old_programme())
    assert record.state == "loaded"
    assert (office.points("pending"), office.points("available")) == (2 * (600 + 15), 0)
    assert office.shop.count("intent") == 0, "a promise is nothing that the chain hears of (ADR 4)"
    member_id = office.member_id("M-0003")
    with office.shop.database.read() as conn:
        row = conn.execute(select(member).where(member.c.member_id == member_id)).mappings().one()
        mine = member_preference.c.member_id == member_id
        wishes = conn.execute(select(member_preference).where(mine)).one()
        card = conn.execute(select(member_card).where(member_card.c.member_id == member_id)).one()
    assert (row["display_name"], row["custody"], row["status"]) == ("Mémber 3, Jr.", "device", "active")
    assert (wishes.language, wishes.consents) == ("de", "email")
    assert card.number_hash == office.vault.hash_of(Identity("card", "600100000003"))
    assert office.drawn()[:2] == [615, 615]


def test_after_the_cut_over_points_are_issued_and_every_intent_is_booked(office: Office) -> None:
    office.loaded(old_programme())
    assert office.room.cut_over("first").state == "cut_over"
    assert (office.points("pending"), office.points("available")) == (0, 1230)
    with office.shop.database.snapshot() as conn:
        assert list(unbooked(conn)) == []
        rows = conn.execute(select(intent.c.payload, intent.c.later)).all()
    operations = [operation_of(row.payload) for row in rows]
    assert len(operations) == 12
    assert {row.later for row in rows} == {1}
    assert all(isinstance(o, Issue) and o.reason == IssueReason.ADJUSTMENT for o in operations)


def test_every_step_run_three_times_gives_the_books_of_once(office: Office) -> None:
    tables = old_programme()
    tables["lots"][7]["points"] = "12,5"  # a bad row in the middle
    tables["members"][2]["phone"] = "0151 123"
    folder = office.written(tables)
    for _ in range(3):
        office.room.check(folder)
    seen = []
    for _ in range(3):
        office.room.load(folder)
        seen.append(office.counts())
    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["moved_lot"] == 9, "one bad row, and two of the member that was not enrolled"
    for _ in range(3):
        office.room.cut_over("first", 6)
        seen.append(office.counts())
    assert seen[3] == seen[4] == seen[5]


def test_rejected_rows_are_told_by_line_field_and_code_and_never_dropped(office: Office) -> None:
    tables = old_programme()
    tables["members"][1]["phone"] = tables["members"][0]["phone"]
    tables["members"][4]["email"] = "nobody"
    tables["lots"][3]["last_day"] = "2025-12-31"
    tables["lots"][3]["earned_on"] = ""
    tables["lots"][9]["programme"] = "NOPE"
    folder = office.written(tables)
    office.room.check(folder)
    record = office.room.load(folder)
    assert record.files["members"].loaded.rejected == 2
    total = office.room.write_rejects(folder, "first", folder / "rejects")
    told = {}
    for path in (folder / "rejects").glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            told[path.stem] = list(csv.DictReader(file))
    assert total == sum(map(len, told.values()))
    assert [(r["line"], r["field"], r["code"]) for r in told["members"]] == [
        ("3", "phone", "identity-taken"), ("6", "email", "malformed-field"),
    ]  # fmt: skip
    assert told["members"][0]["external_id"] == "M-0001"
    # Lots of members that were not enrolled are rejected for that; of two reasons a row's own comes first.
    assert [(r["line"], r["field"], r["code"]) for r in told["lots"]] == [
        ("4", "external_id", "member-unknown"), ("5", "last_day", "lot-expired"),
        ("10", "external_id", "member-unknown"), ("11", "programme", "programme-unknown"),
    ]  # fmt: skip


def test_a_member_who_is_known_already_is_not_enrolled_twice(office: Office) -> None:
    office.loaded(old_programme())
    again = {"members": old_programme()["members"]}
    assert office.loaded(again, "second").files["members"].loaded.rejected == 6
    assert office.shop.count("member") == 6


def test_a_lot_counts_once_whatever_the_file_it_stands_in(office: Office) -> None:
    office.loaded(old_programme())
    again = {"lots": old_programme()["lots"]}
    record = office.loaded(again, "second")
    assert (record.files["lots"].loaded.accepted, record.files["lots"].loaded.rejected) == (0, 12)
    assert office.points("pending") == 1230


def test_mended_rows_come_in_under_a_further_name(office: Office) -> None:
    tables = old_programme()
    good = tables["lots"][5]["points"]
    tables["lots"][5]["points"] = "x"
    office.loaded(tables)
    mended = {"lots": [{**tables["lots"][5], "points": good}]}
    office.loaded(mended, "second")
    assert office.points("pending") == 1230


def test_totals_that_do_not_tie_are_refused_before_anything_is_loaded(office: Office) -> None:
    for wrong in ({"rows_members": 1}, {"points_GROC": 1}, {"points_GROC": -1}, {"points_FLOR": 5}):
        with pytest.raises(ControlTotalsDiffer):
            office.room.check(office.written(old_programme(), **wrong))
    with pytest.raises(ControlTotalsDiffer) as refusal:
        office.room.check(office.written(old_programme(), points_GROC=10))
    assert (refusal.value.figure, refusal.value.expected, refusal.value.found) == ("points GROC", 625, 615)


def test_a_row_whose_points_nobody_can_read_leaves_room_in_the_total_but_no_surplus(office: Office) -> None:
    tables = old_programme()
    tables["lots"][2]["points"] = "many"
    office.room.check(office.written(tables, points_GROC=101))
    with pytest.raises(ControlTotalsDiffer):
        office.room.check(office.written(tables, points_GROC=-1))


def test_rejects_are_left_behind_only_by_name(office: Office) -> None:
    tables = old_programme()
    tables["lots"][2]["points"] = "many"
    office.loaded(tables)
    for named in (0, 2):
        with pytest.raises(RejectsNotAcknowledged) as refusal:
            office.room.cut_over("first", named)
        assert refusal.value.rejected == 1
    assert office.room.cut_over("first", 1).state == "cut_over"


def test_a_file_that_changed_since_the_check_is_not_loaded(office: Office) -> None:
    folder = office.written(old_programme())
    office.room.check(folder)
    with (folder / "lots.csv").open("a") as file:
        file.write("M-0001,GROC,1000000,2026-08-15,\n")
    with pytest.raises(ImportFilesChanged):
        office.room.load(folder)
    assert office.shop.count("member") == 0


def test_a_cap_without_room_is_found_before_the_load(office: Office) -> None:
    tables = old_programme()
    tables["lots"][0]["points"] = str(10**9)
    with pytest.raises(ImportCapTooLow) as refusal:
        office.room.check(office.written(tables))
    assert (refusal.value.programme, refusal.value.room) == ("GROC", 10**9)


def test_a_suspended_issuer_is_found_before_the_load_and_before_the_cut_over(office: Office) -> None:
    office.loaded(old_programme())
    with office.shop.database.begin() as conn:
        conn.exec_driver_sql(f"UPDATE merchant SET status = 'suspended' WHERE merchant_id = {GROCER}")
    with pytest.raises(ImportIssuerSuspended):
        office.room.cut_over("first")
    other = office.written({"lots": [{**old_programme()["lots"][0], "last_day": "2026-09-01"}]}, "second")
    with pytest.raises(ImportIssuerSuspended):
        office.room.check(other)
    assert office.record().state == "loaded"


def test_steps_out_of_order_are_refused(office: Office) -> None:
    folder = office.written(old_programme())
    office.room.check(folder)
    with pytest.raises(ImportStateWrong):
        office.room.cut_over("first")
    office.room.load(folder)
    with pytest.raises(ImportStateWrong):
        office.room.check(folder)
    office.room.cut_over("first")
    for step in (office.room.roll_back, lambda _: office.room.load(folder)):
        with pytest.raises(ImportStateWrong):
            step("first")


def test_what_expired_during_the_parallel_run_is_not_issued(office: Office) -> None:
    office.loaded(old_programme())
    office.shop.clock.forward(days=180)  # the grocer's lots lived to the end of August
    office.room.cut_over("first")
    assert [office.points("available", programme) for programme in (1, 2)] == [0, 615]
    assert office.points("pending") == 0
    assert office.drawn()[:2] == [0, 615], "the cap has its room back"


def test_a_member_erased_during_the_parallel_run_gets_nothing(office: Office) -> None:
    office.loaded(old_programme())
    with office.shop.database.begin() as conn:
        conn.exec_driver_sql("UPDATE member SET status = 'erased' WHERE member_id = 1")
    office.room.cut_over("first")
    assert office.points("available") == 1230 - 200


def test_a_file_that_is_no_csv_is_refused_with_the_line(office: Office) -> None:
    folder = office.written(old_programme())
    path = folder / "cards.csv"
    path.write_text(path.read_text() + '"never closed\n')
    with pytest.raises(ImportFileMalformed) as refusal:
        office.room.check(folder)
    assert (refusal.value.file, refusal.value.line) == ("cards.csv", 8)
