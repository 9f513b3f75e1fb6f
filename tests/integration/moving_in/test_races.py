"""Two commands on one import at once: the second is told, and nothing is left between two states."""

from __future__ import annotations

import pytest

from ledger_service.moving_in.errors import ImportBusy

from .office import Office, old_programme


def test_a_load_ends_when_its_import_is_rolled_back_beside_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in office.parts.kinds().values():
        monkeypatch.setattr(type(kind), "size", 4)
    folder = office.written(old_programme())
    office.room.check(folder)
    second, told = Office(office.shop, office.folder), []

    def other(what: str, *_: object) -> None:
        if what == "load lots" and not told:
            told.append(second.room.roll_back("first").state)

    office.room._note = other
    with pytest.raises(ImportBusy):
        office.room.load(folder)
    assert (told, office.record().state) == (["rolled_back"], "rolled_back")
    assert office.points("pending") == 0
    assert (office.counts()["moved_lot"], office.counts()["imported_history"]) == (0, 0)
