"""Imports that are cut off, that fail inside a chunk, that run beside tills and beside each other."""

from __future__ import annotations

import pytest

from ledger_service.moving_in.errors import ImportBusy, ImportStateWrong
from tests.integration.checkout.shop import line

from .office import Office, old_programme, write_folder


def test_the_room_can_be_cut_off_in_the_middle_of_a_file(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(office.folder / "first", old_programme(40))
    office.room.check(folder)
    for kind in office.parts.kinds().values():
        monkeypatch.setattr(type(kind), "size", 7)
    stops = iter(range(100))

    class Cut(Exception):
        """The machine's plug."""

    def stop(*_: object) -> None:
        if next(stops) % 3 == 2:
            raise Cut

    office.room._note = stop
    cuts = 0
    while office.record().state != "loaded":
        try:
            office.room.load(folder)
        except Cut:
            cuts += 1
    assert cuts > 5
    assert office.counts()["moved_lot"] == 80
    assert office.points("pending") == 2 * sum(100 + n for n in range(40))


def test_what_fails_inside_a_chunk_leaves_nothing_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = office.written(old_programme())
    office.room.check(folder)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ledger_service.moving_in.lots.write_entries", fail)
        with pytest.raises(OSError, match="no space"):
            office.room.load(folder)
    assert office.record().files["lots"].rows_done == 0
    assert (office.counts()["moved_lot"], office.drawn()[0]) == (0, 0)
    office.room.load(folder)
    with monkeypatch.context() as patched:
        patched.setattr("ledger_service.moving_in.cutting.enqueue_now", fail)
        with pytest.raises(OSError, match="no space"):
            office.room.cut_over("first")
    assert (office.record().state, office.points("available")) == ("cutting", 0)
    with pytest.raises(ImportStateWrong):
        office.room.roll_back("first")
    office.room.cut_over("first")
    assert office.points("available") == 1230


def test_tills_go_on_while_chunks_come_in(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in office.parts.kinds().values():
        monkeypatch.setattr(type(kind), "size", 5)
    monkeypatch.setattr("ledger_service.moving_in.cutting._MEMBERS", 2)
    customer = office.shop.enrol()
    sold = []

    def sell(what: str, *_: object) -> None:
        if not what.startswith("check"):
            sold.append(office.shop.sell(customer, line("1", 1_000)))

    with office.shop.database.begin() as conn:
        if not office.shop.database.is_sqlite:  # the shop numbers its members itself
            conn.exec_driver_sql("SELECT setval(pg_get_serial_sequence('member', 'member_id'), 100)")
    office.room._note = sell
    office.loaded(old_programme())
    office.room.cut_over("first")
    assert len(sold) > 10
    assert office.shop.balance(customer, 1) == 10 * len(sold)
    assert office.points("available") == 1230 + 10 * len(sold)


def test_two_loads_at_once_count_each_row_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in office.parts.kinds().values():
        monkeypatch.setattr(type(kind), "size", 5)
    folder = office.written(old_programme())
    office.room.check(folder)
    second = Office(office.shop, office.folder)
    raced = []

    def other(what: str, *_: object) -> None:
        if what == "load members" and not raced:
            raced.append(second.room.load(folder))

    office.room._note = other
    with pytest.raises(ImportBusy):
        office.room.load(folder)
    assert office.record().state == "loaded"
    assert office.points("pending") == 1230
