"""The export of everything, and that it comes in again elsewhere, whole and without a reject."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger_service.db.engine import open_database
from ledger_service.members.identities import Identity
from ledger_service.members.standing import erase
from ledger_service.merchants.api_keys import ApiKeys
from tests.integration.checkout.shop import Shop, line
from tests.integration.members.alliance import CountingIds

from .office import Office, old_programme
from .test_parallel_run import phone_of


@pytest.fixture
def elsewhere(tmp_path: Path, sqlite_template: Path) -> Iterator[Office]:
    """Another alliance with the same programmes."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(sqlite_template, folder / "alliance.db")
    shop = Shop(open_database(f"sqlite:///{folder}/alliance.db"))
    shop.found()
    yield Office(shop, folder)
    shop.close()
    shop.database.close()


def busy(office: Office) -> Path:
    """A programme that moved in, some sales here, one member erased; exported."""
    office.loaded(old_programme())
    office.room.cut_over("first")
    phone = phone_of(office, "M-0002")
    sold = office.shop.sell(phone, line("1", 5_000))
    office.shop.refund(sold["sale_id"])
    office.shop.sell(phone, line("1", 7_000))
    office.shop.sell(None, line("1", 300))
    with office.shop.database.begin() as conn:
        erase(conn, ApiKeys(CountingIds()), phone_of(office, "M-0005").number, office.shop.clock.now())
    office.room.export(office.folder / "out", "csv")
    return office.folder / "out"


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_contents_tell_rows_sums_and_digests(office: Office) -> None:
    folder = busy(office)
    contents = json.loads((folder / "export.json").read_text())["tables"]
    for told in contents.values():
        raw = (folder / told["file"]).read_bytes()
        assert told["sha256"] == sha256(raw).hexdigest()
    for name, told in contents.items():
        assert told["rows"] == len(table(folder, name))
    assert contents["lots"]["points"] == {"GROC": 615 - 105 + 70, "FUEL": 615 - 105}
    assert (contents["members"]["rows"], contents["cards"]["rows"], contents["sales"]["rows"]) == (5, 5, 4)
    assert contents["entries"]["rows"] == office.shop.count("entry")
    assert contents["postings"]["rows"] == office.shop.count("posting")
    assert oct(folder.stat().st_mode)[-3:] == "700", "it holds personal data in clear"


def test_nothing_of_an_erased_member_is_exported(office: Office) -> None:
    folder = busy(office)
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert "Mémber 4".encode() in everything
    for gone in ("Mémber 5", "+4915112000005", "600100000005", "M-0005"):
        assert gone.encode() not in everything


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_comes_in_again_elsewhere_whole(office: Office, elsewhere: Office, form: str) -> None:
    folder = busy(office)
    if form == "parquet":
        pytest.importorskip("pyarrow")
        folder = office.folder / "parquet"
        office.room.export(folder, form)
    name = json.loads((folder / "manifest.json").read_text())["import"]
    elsewhere.room.check(folder)
    record = elsewhere.room.load(folder)
    assert not any(file.loaded.rejected for file in record.files.values())
    elsewhere.room.cut_over(name)
    assert balances(elsewhere) == balances(office)
    elsewhere.proven()
    again = elsewhere.room.export(elsewhere.folder / "again", "csv")["tables"]
    assert again["lots"]["points"] == {"GROC": 580, "FUEL": 510}
    with elsewhere.shop.database.read() as conn:
        wishes = conn.execute(text("SELECT language, consents FROM member_preference")).all()
    assert {tuple(row) for row in wishes} == {("de", "email")}


def balances(office: Office) -> Counter[tuple[bytes, int, int]]:
    """Points by phone, programme and epoch."""
    hashes = {office.vault.hash_of(Identity("phone", f"+4915112{n:06}")): n for n in range(6)}
    query = text(
        "SELECT i.value_hash, l.programme_id, l.epoch, l.available FROM lot AS l"
        " JOIN member_identity AS i ON i.member_id = l.member_id WHERE i.kind = 'phone' AND l.available > 0"
    )
    with office.shop.database.read() as conn:
        return Counter({(hashes[bytes(h)], p, e): n for h, p, e, n in conn.execute(query)})  # type: ignore[misc]


def test_points_that_are_only_promised_stand_apart(office: Office) -> None:
    office.loaded(old_programme())
    contents = office.room.export(office.folder / "out", "csv")["tables"]
    assert (contents["lots"]["rows"], contents["pending"]["points"]) == (0, {"GROC": 615, "FUEL": 615})
    told = {row["programme"]: row["last_day"] for row in table(office.folder / "out", "pending")}
    assert told["GROC"] == "2026-08-31", "the month that ends no earlier than the day that was promised"


def test_points_that_a_till_holds_are_the_members_all_the_same(office: Office) -> None:
    phone = office.shop.enrol()
    office.shop.stock(phone, 1, 30)
    office.shop.authorise(phone, 1_000, {"max_value_minor": 10})
    assert office.shop.balance(phone, 1, "held") == 10
    contents = office.room.export(office.folder / "out", "csv")["tables"]
    assert contents["lots"]["points"] == {"GROC": 30}


def test_nothing_is_overwritten(office: Office) -> None:
    (office.folder / "out").mkdir()
    with pytest.raises(FileExistsError):
        office.room.export(office.folder / "out", "csv")
