"""A member takes everything along and is forgotten: in each table as promised, and in restored backups."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select

from ledger_service.bootstrap.erasing import Erasures
from ledger_service.bootstrap.jobs import open_jobs
from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import whole_metadata
from ledger_service.insight.erasing import Erased
from ledger_service.insight.holdings import HOLDINGS, UNSHOWN, Fate
from ledger_service.insight.journal import Journal
from ledger_service.kernel.clock import parse_instant
from ledger_service.members.devices import lock_member
from ledger_service.members.merging import Merge, close_into
from ledger_service.members.queries import find_by_number
from tests.api.service import FUEL, GROCER, GROCER_STORE, NOON, Shop, basket
from tests.api.test_adjustments import ask
from tests.api.test_administration import NEXT_PHONE, new_device, with_phone
from tests.api.test_pages import all_pages

NAME, PHONE, LABEL = "王小明", "+14155550123", "Ming's phone"
RECEIPT = {"store": GROCER_STORE, "sold_on": "2017-03-01", "reference": "slip-4711", "amount_minor": 10_000}
TABLES = whole_metadata().tables


@pytest.fixture
def known(any_shop: Shop) -> tuple[Shop, str, str]:
    """Somebody who has left a trace in most rooms: the shop, its number and its key."""
    shop = any_shop
    body = {
        "display_name": NAME, "identities": [{"kind": "phone", "value": PHONE}],
        "device": new_device(shop, b"\x07" * 32) | {"label": LABEL},
    }  # fmt: skip
    number = shop.must("grocer", "/v1/members", body)["number"]
    own, base = shop.key_for("member", number), f"/v1/members/{number}"
    shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    shop.must(own, f"{base}/claims", RECEIPT)
    consent = {"owner": GROCER, "reader": FUEL, "purpose": "service"}
    shop.must(own, f"{base}/consents", consent)
    shop.get("fuel", f"{base}/purchases?merchant={GROCER}&purpose=service")
    assert ask(shop, number, 5).status_code == 201
    return shop, number, own


def rows_of(conn: Connection, table: str, columns: tuple[str, ...], member_id: int) -> int:
    its = TABLES[table]
    return sum(
        conn.execute(select(func.count()).where(its.c[name] == member_id)).scalar_one() for name in columns
    )


def everything(database: Database) -> str:
    """All that stands in the database, as text."""
    with database.read() as conn:
        rows = [list(map(repr, row)) for table in TABLES.values() for row in conn.execute(select(table))]
    return json.dumps(rows, ensure_ascii=False)


def id_of(database: Database, number: str) -> int | None:
    with database.read() as conn:
        found = find_by_number(conn, number)
    return None if found is None else found.member_id


def test_every_table_that_names_members_has_a_fate_and_an_index() -> None:
    promised = {h.table: set(h.by) | set(h.hidden) for h in HOLDINGS}
    for table in TABLES.values():
        naming = {c.name for c in table.c if c.name == "member_id" or _of_members(c)} - {"household_id"}
        if not naming or table.name in UNSHOWN or table.name in ("household", "share_cursor"):
            continue
        assert naming <= promised.get(table.name, set()), f"{table.name} has no word in holdings"
    for holding in HOLDINGS:
        table = TABLES[holding.table]
        assert set(holding.hidden) <= set(table.c.keys())
        assert holding.why or holding.fate is Fate.GONE
        if holding.through is None:
            for name in holding.by:
                assert _is_indexed(table, name), f"{holding.table}.{name} is searched without an index"


def _of_members(column: Any) -> bool:
    return any(key.column.table.name == "member" for key in column.foreign_keys)


def _is_indexed(table: Any, name: str) -> bool:
    keys = [table.primary_key, *table.indexes, *table.constraints]
    return any(list(getattr(key, "columns", []))[:1] == [table.c[name]] for key in keys)


def test_a_member_takes_everything_along_and_nothing_of_others(known: tuple[Shop, str, str]) -> None:
    shop, number, own = known
    other = shop.key_for("member", with_phone(shop, NEXT_PHONE)["number"])
    rows = all_pages(shop, own, f"/v1/members/{number}/export", "rows", 3)
    tables = [row["table"] for row in rows]
    assert len({json.dumps(row, sort_keys=True) for row in rows}) == len(rows)
    order = [h.table for h in HOLDINGS]
    assert tables == sorted(tables, key=order.index)
    assert {"member", "member_identity", "device", "sale", "lot", "claim", "member_consent", "member_read",
            "adjustment"} <= set(tables)  # fmt: skip
    by_table = {row["table"]: row["row"] for row in rows}
    assert by_table["member_identity"]["value"] == PHONE
    assert by_table["member"]["display_name"] == NAME
    assert by_table["lot"]["programme"] == "GROC"
    assert by_table["sale"]["merchant_id"] == GROCER
    assert "salt" not in by_table["member"]
    assert shop.get(other, f"/v1/members/{number}/export").json["code"] == "not-yours"
    assert shop.get("grocer", f"/v1/members/{number}/export").json["code"] == "scope-missing"


def test_erasure_does_to_each_table_what_is_promised(known: tuple[Shop, str, str]) -> None:
    shop, number, own = known
    database = shop.serving.foundations.database
    member_id = id_of(database, number)
    assert member_id is not None
    assert NAME in everything(database)
    with database.begin() as conn:
        conn.execute(insert(TABLES["passkey"]).values(
            passkey_id=bytes(16), member_id=member_id, credential_hash=bytes(32), credential_id=b"i",
            public_key=b"k", sign_count=0, label=LABEL, made_at=NOON, challenged_at=NOON,
            last_challenge=bytes(40),
        ))  # fmt: skip
    with database.read() as conn:
        before = {h.table: rows_of(conn, h.table, h.by, member_id) for h in HOLDINGS if h.by}
    balances = shop.get(own, f"/v1/members/{number}/balance").json["balances"]
    other = shop.key_for("member", with_phone(shop, NEXT_PHONE)["number"])
    assert shop.post(other, f"/v1/members/{number}/erase").json["code"] == "not-yours"
    assert shop.must(own, f"/v1/members/{number}/erase") == {"erased": True}
    with database.read() as conn:
        for holding in (h for h in HOLDINGS if h.by):
            now = rows_of(conn, holding.table, holding.by, member_id)
            assert now == (0 if holding.fate is Fate.GONE else before[holding.table]), holding.table
        lots = conn.execute(select(TABLES["lot"].c.available).where(TABLES["lot"].c.member_id == member_id))
        assert list(lots.scalars()) == [b["available"] for b in balances]
    left = everything(database)
    for personal in (NAME, PHONE, LABEL, "slip-4711"):
        assert personal not in left
    assert shop.get(own, f"/v1/members/{number}/consents").status_code == 401
    refused = shop.get("fuel", f"/v1/members/{number}/purchases?merchant={GROCER}&purpose=service")
    assert refused.json["code"] == "consent-missing"


def test_a_restored_backup_erases_again(shop: Shop, tmp_path: Path) -> None:
    number, newer = with_phone(shop)["number"], with_phone(shop, NEXT_PHONE)["number"]
    database = shop.serving.foundations.database
    with closing(sqlite3.connect(str(database.url.database))) as whole:
        whole.execute("VACUUM INTO ?", [str(tmp_path / "backup.db")])
    jobs = open_jobs(shop.serving.foundations, shop.serving.secrets)
    assert "segments" in jobs.steps()
    step = jobs.steps()["erasures"]
    assert step() is False
    shop.must("operator", f"/v1/members/{number}/erase")
    assert step() is True
    assert step() is False
    jobs.close()
    journal = Journal(shop.serving.foundations.settings.state_dir / "erasures.jsonl")
    (noted,) = journal.read()
    # Somebody else got the row number of one whose erasure is noted; and a crash cut a line.
    restored = open_database(f"sqlite:///{tmp_path / 'backup.db'}")
    other = id_of(restored, newer)
    assert other is not None
    journal.append([Erased(other, noted.enrolled_at - timedelta(days=1), noted.at)])
    with journal.path.open("ab") as file:
        file.write(b'{"member": 1, "enr')
    assert id_of(restored, number) == noted.member_id
    again = Erasures(restored, journal, lambda: parse_instant(shop.at, "at"))
    assert again.step() is False
    assert (id_of(restored, number), id_of(restored, newer)) == (None, other)
    assert replace(again, _seen=None).step() is False
    assert len(list(journal.read())) == 2
    restored.close()


def test_who_was_merged_into_an_erased_member_is_forgotten_with_it(shop: Shop, tmp_path: Path) -> None:
    closes, stays = (with_phone(shop, *phone)["number"] for phone in ((), (NEXT_PHONE,)))
    consent = {"owner": GROCER, "reader": FUEL, "purpose": "service"}
    shop.must(shop.key_for("member", closes), f"/v1/members/{closes}/consents", consent)
    database, at = shop.serving.foundations.database, parse_instant(shop.at, "at")
    with closing(sqlite3.connect(str(database.url.database))) as whole:
        whole.execute("VACUUM INTO ?", [str(tmp_path / "backup.db")])
    former, answers = TABLES["former_account"], TABLES["idempotency"]
    with database.begin() as conn:
        old, new = (lock_member(conn, number) for number in (closes, stays))
        was = {"account": bytes(20), "member_id": old["member_id"], "salt": b"s" * 32, "linked": True,
               "successor": old["account"], "reason": "rotation", "until": at}  # fmt: skip
        conn.execute(insert(former).values(was))
        close_into(conn, Merge(old["member_id"], new["member_id"], at), old, new)
    erasures = Erasures(database, Journal(tmp_path / "journal"), lambda: at)
    assert erasures.step() is False
    shop.must("operator", f"/v1/members/{stays}/erase")
    assert erasures.step() is True
    mine = answers.c.subject == f"member:{old['member_id']}"
    with database.read() as conn:
        assert set(conn.execute(select(answers.c.response).where(mine)).scalars()) == {b""}
        assert set(conn.execute(select(former.c.salt)).scalars()) == {None}
    restored = open_database(f"sqlite:///{tmp_path / 'backup.db'}")
    assert id_of(restored, closes) == old["member_id"]
    Erasures(restored, erasures.journal, lambda: at).step()
    assert (id_of(restored, closes), id_of(restored, stays)) == (None, None)
    restored.close()
