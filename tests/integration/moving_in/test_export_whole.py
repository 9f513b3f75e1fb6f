"""What an export says as the tables stand, to whom it says it, and that a folder is whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select

from ledger_service.coupons.definitions.models import coupon_definition, coupon_version
from ledger_service.db.schema import whole_metadata
from ledger_service.kernel.gs1 import gln_text
from ledger_service.members.models import member
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.models import api_key
from ledger_service.moving_in import exporting_whole
from ledger_service.moving_in.writing import unfinished
from ledger_service.settlement.models import settlement_paper, settlement_word
from ledger_service.tiers.models import tier_ladder
from ledger_service.traceability.epcis.models import epcis_event
from ledger_service.traceability.goods.models import trace_item, trace_product
from tests.integration.checkout.shop import FUEL, GROCER, line

from .office import Office
from .test_export_further import rows_of

SECRET = bytes(range(64, 96))


def put(conn: Connection, into: Table, **row: Any) -> None:
    conn.execute(insert(into).values(**row))


def settled(office: Office) -> str:
    """Two merchants' definitions, keys, papers and goods, alike; the number of the one who bought."""
    whole_metadata()
    shop = office.shop
    phone, at = shop.enrol(), shop.clock.at
    shop.sell(phone, line("1", 900))
    with shop.database.begin() as conn:
        for place, own in enumerate((GROCER, FUEL), 1):
            put(conn, tier_ladder, programme_id=place, version=1, effective_from=0, body="{}",
                published_at=at)  # fmt: skip
            put(conn, coupon_definition, definition_id=place, merchant_id=own, code=f"春{place}", names="{}",
                jurisdiction="US", created_by="m", created_at=at)  # fmt: skip
            put(conn, coupon_version, definition_id=place, version=1, body='{"kind":"amount"}',
                written_by="a", terms_hash=bytes(32), effective_from=at, written_at=at)  # fmt: skip
            put(conn, api_key, key_id=f"k{place}", secret_hash=SECRET, subject_kind="merchant",
                label="office", subject_id=gln_text(own), merchant_id=own, role="merchant", scopes="all",
                status="active", created_at=at)  # fmt: skip
            put(conn, settlement_paper, name=f"statement-1-{gln_text(own)}.csv", sha256=bytes(32),
                byte_count=9, written_at=at)  # fmt: skip
            gtin = f"0952900690001{place}"
            put(conn, trace_product, gtin=gtin, merchant_id=own, name_en=f"tea {place}", name_zh_hans="茶",
                name_zh_hant="茶", brand="b", markets="", made_at=at)  # fmt: skip
            put(conn, trace_item, item_id=place, gtin=gtin, serial=f"S{place:011}", pin_hash=SECRET[:16],
                state="sold", wrong_pins=0)  # fmt: skip
            put(conn, epcis_event, event_seq=place, hash=bytes([place]) * 32, hash_version=2, declares=False,
                merchant_id=own, kind="ObjectEvent", action="ADD", event_time=at, record_time=at,
                body='{"名":1}'.encode())  # fmt: skip
        put(conn, settlement_word, period=1, debtor=GROCER, creditor=FUEL, merchant=FUEL, pay_micros="7",
            signature=bytes(65), said_at=at)  # fmt: skip
    return phone.number


def test_definitions_keys_papers_and_goods_are_told_and_no_secret(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting_whole, "_ROWS_AT_ONCE", 1)
    settled(office)
    folder = office.folder / "out"
    contents = office.room.export(folder, "csv")["tables"]
    assert all(len(rows_of(folder, name)) == one["rows"] for name, one in contents.items())
    told = {
        "tier_ladder": ("programme", "version"), "coupon_definition": ("merchant", "code"),
        "coupon_version": ("definition_id", "body"), "settlement_paper": ("name",),
        "settlement_word": ("debtor", "creditor", "pay_micros"), "trace_item": ("gtin", "serial"),
        "epcis_event": ("merchant", "body"),
    }  # fmt: skip
    assert {n: [tuple(r[c] for c in some) for r in rows_of(folder, n)] for n, some in told.items()} == {
        "tier_ladder": [("GROC", "1"), ("FUEL", "1")],
        "coupon_definition": [(gln_text(GROCER), "春1"), (gln_text(FUEL), "春2")],
        "coupon_version": [("1", '{"kind":"amount"}'), ("2", '{"kind":"amount"}')],
        "settlement_paper": sorted((f"statement-1-{gln_text(own)}.csv",) for own in (GROCER, FUEL)),
        "settlement_word": [(gln_text(GROCER), gln_text(FUEL), "7")],
        "trace_item": [("09529006900011", "S00000000001"), ("09529006900012", "S00000000002")],
        "epcis_event": [(gln_text(GROCER), '{"名":1}'), (gln_text(FUEL), '{"名":1}')],
    }  # fmt: skip
    assert {"k1", "k2"} <= {row["key_id"] for row in rows_of(folder, "api_key")}
    for path in folder.iterdir():
        assert SECRET[:16].hex() not in path.read_text()


def test_a_merchant_takes_its_own_along_and_nothing_of_another(office: Office) -> None:
    number = settled(office)
    folder = office.folder / "own"
    contents = office.room.export(folder, "csv", GROCER)
    assert contents["merchant"] == gln_text(GROCER)
    named = {p.name for p in folder.iterdir() if gln_text(FUEL) in p.read_text() or "FUEL" in p.read_text()}
    # What it owes another stands in its own words and payments.
    assert named == {"settlement_word.csv"}
    assert [row["external_id"] for row in rows_of(folder, "sales")] == [number]
    assert [row["external_id"] for row in rows_of(folder, "lots")] == [number]
    assert {row["programme"] for row in rows_of(folder, "postings")} == {"GROC"}
    assert len(rows_of(folder, "coupon_version")) == len(rows_of(folder, "trace_item")) == 1
    assert len(rows_of(folder, "merchant")) == len(rows_of(folder, "settlement_paper")) == 1
    nobodys = {"members", "identities", "cards", "accounts", "entries", "households", "device", "care_case"}
    assert not nobodys & contents["tables"].keys()
    assert not (folder / "manifest.json").exists()


def test_nobody_is_exported_for_a_stranger(office: Office) -> None:
    with pytest.raises(MerchantUnknown):
        office.room.export(office.folder / "own", "csv", 9_520_001_999_998)
    assert [p.name for p in office.folder.iterdir() if p.name.startswith("own")] == []


def test_whoever_was_erased_is_nobody_in_the_tables_as_they_stand(office: Office) -> None:
    settled(office)
    with office.shop.database.begin() as conn:
        conn.execute(member.update().values(member_number=None))
        assert conn.execute(select(member.c.member_id)).all()
    office.room.export(office.folder / "out", "csv")
    assert {row["external_id"] for row in rows_of(office.folder / "out", "device")} == {""}


_DIES = """
import os, signal, sys
from pathlib import Path
from ledger_service.moving_in.writing import unfinished
with unfinished(Path(sys.argv[1])) as beside:
    (beside / "half.csv").write_text("ha")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_no_folder_of_that_name_and_the_next_export_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    died = subprocess.run([sys.executable, "-c", _DIES, str(folder)], env=dict(os.environ), check=False)
    assert died.returncode == -signal.SIGKILL
    assert not folder.exists()
    with unfinished(folder) as beside:
        assert list(beside.iterdir()) == []
        (beside / "whole.csv").write_text("whole")
        with pytest.raises(FileExistsError), unfinished(folder):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in folder.iterdir()] == ["whole.csv"]
