"""Events of before are found by their papers afterwards, those that are declared wrong as such."""

from __future__ import annotations

from pathlib import Path

import orjson
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select

from ledger_service.db.engine import Database, open_database
from ledger_service.db.schema import MIGRATIONS, whole_metadata
from ledger_service.traceability.epcis.details import DETAIL, details_of
from ledger_service.traceability.epcis.listing import places_after
from ledger_service.traceability.epcis.models import epcis_event, epcis_event_epc
from ledger_service.traceability.epcis.prepared import prepare
from ledger_service.traceability.epcis.things import Role
from tests.api.test_epcis import event

PO, GLN = {"type": "po", "bizTransaction": "http://t.example/po/1"}, "urn:epc:id:pgln:4012345.00000"
FROM = {"type": "owning_party", "source": GLN}
LOT = "https://id.gs1.org/01/09506000134352/10/L"
WRONG = {"declarationTime": "2017-02-02T00:00:00Z"}
EVENTS = (
    event(1), event(2, bizTransactionList=[PO], sourceList=[FROM]), event(3, bizTransactionList=[PO]),
    event(3, bizTransactionList=[PO], errorDeclaration=WRONG),
    event(4, readPoint={"id": "urn:x:dock"}, quantityList=[{"epcClass": LOT, "quantity": 2, "uom": "KGM"}],
          sensorElementList=[{"sensorReport": [{"type": "Temperature", "value": 4, "uom": "CEL"}]}]),
)  # fmt: skip


def fill(database: Database) -> None:
    with database.begin() as conn:
        whole_metadata().create_all(conn)
        for key, held in (("a", "quote sell"), ("b", "key:write store:write")):
            row = f"('{key}', x'{'00' * 32}', 'operator', 'o', 'operator', '{held}', 'active', 1)"
            conn.exec_driver_sql(
                "INSERT INTO api_key (key_id, secret_hash, subject_kind, subject_id, role, scopes, status,"
                f" created_at) VALUES {row}"
            )
        for seq, told in enumerate(EVENTS):
            ready = prepare(told, "event")
            row = {"event_seq": seq, "merchant_id": None, "record_time": ready.event_time, "body": b""}
            body = orjson.dumps(told)
            conn.execute(insert(epcis_event).values(ready.columns() | row | {"body": body}))


def test_what_was_captured_before_is_found_by_its_details_and_places_are_listed(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/events.db")
    fill(database)
    with database.begin() as conn:
        conn.exec_driver_sql("DROP TABLE epcis_place")
    step = ScriptDirectory(str(MIGRATIONS)).get_revision("0105_events_by_details")
    with database.begin() as conn, Operations.context(MigrationContext.configure(conn)):
        step.module.upgrade()
    with database.read() as conn:
        t = epcis_event_epc.c
        found = conn.execute(select(t.event_seq, t.role, t.epc_key, t.voids)).all()
        assert places_after(conn, "readPoint", None, None, 9) == ["urn:x:dock"]
    wanted = {(seq, detail.key) for seq, told in enumerate(EVENTS) for detail in details_of(told)}
    assert {(seq, bytes(key)) for seq, _, key, _ in found} == wanted
    assert {row.role for row in found} == {DETAIL}
    assert {(row.event_seq, row.voids) for row in found} == {(3, 2), (4, None)}
    database.close()


def test_what_was_captured_before_is_found_by_its_papers(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/events.db")
    fill(database)
    step = ScriptDirectory(str(MIGRATIONS)).get_revision("0082_events_by_papers")
    with database.begin() as conn, Operations.context(MigrationContext.configure(conn)):
        step.module.upgrade()
    with database.read() as conn:
        t = epcis_event_epc.c
        found = conn.execute(select(t.event_seq, t.role, t.epc_key, t.voids)).all()
        held = conn.exec_driver_sql("SELECT scopes FROM api_key ORDER BY key_id").scalars().all()
    assert held == ["quote sell", "key:write store:write label:print"]
    papers = {(seq, role): key for seq, role, key, _ in found}
    roles = {(1, Role.TRANSACTION), (1, Role.SOURCE), (2, Role.TRANSACTION), (3, Role.TRANSACTION)}
    assert papers.keys() == roles
    assert papers[1, Role.TRANSACTION] == papers[2, Role.TRANSACTION] != papers[1, Role.SOURCE]
    assert {(row.event_seq, row.voids) for row in found} == {(1, None), (2, None), (3, 2)}
    made = {(thing.role, thing.key) for thing in prepare(EVENTS[1], "event").index}
    assert {(role, bytes(key)) for (seq, role), key in papers.items() if seq == 1} <= made
    database.close()
