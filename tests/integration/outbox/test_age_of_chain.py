"""What the bridge looks for among what it sent is found without reading what is final.

The planner has counted nothing here (SQLite is never told to), so an index has to be right by what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from ledger_service.chain import outcome
from ledger_service.chain.again import _live
from ledger_service.chain.beside.models import chain_beside_item
from ledger_service.chain.models import chain_batch, chain_batch_item, chain_journal, chain_tx
from ledger_service.chain.standing import open_tx, unsettled
from ledger_service.coupons.telling.models import coupon_telling
from ledger_service.db.engine import Database
from tests.integration.ledger.bank import START, op
from tests.integration.outbox.plans import listened, plan_of

SENT = 600
TABLES = ("chain_tx", "chain_batch", "chain_batch_item", "chain_beside_item", "coupon_telling")
LOOKS: dict[str, Callable[[Connection], Any]] = {
    "what is in no block": lambda conn: conn.execute(select(chain_tx.c.tx_hash).where(open_tx("signed"))),
    "which batches are open": lambda conn: conn.execute(
        select(chain_batch.c.number).where(unsettled("mined"))
    ),
    "what becomes final": lambda conn: outcome.finalise(conn, SENT),
    "where operations live": lambda conn: _live(conn, [op(1), op(2)]),
    "of a step": lambda conn: conn.execute(select(chain_tx.c.tx_hash).where(chain_tx.c.step == "beside:c:1")),
    "where an operation beside lives": lambda conn: conn.execute(
        select(chain_beside_item.c.batch).where(
            chain_beside_item.c.op_id.in_([op(1), op(2)]) & chain_beside_item.c.live
        )
    ),
    "where it died": lambda conn: conn.execute(
        select(chain_beside_item.c.batch).where(
            chain_beside_item.c.op_id.in_([op(1), op(2)]) & ~chain_beside_item.c.live
        )
    ),
    "which coupons wait to be told": lambda conn: conn.execute(
        select(coupon_telling.c.coupon_id).where(coupon_telling.c.waits)
    ),
}


@pytest.fixture
def aged(database: Database) -> Database:
    """A chain room in which nearly everything is final."""
    with database.begin() as conn:
        numbers = range(1, SENT + 1)
        conn.execute(insert(chain_batch), [_batch(number) for number in numbers])
        conn.execute(insert(chain_batch_item), [_item(number) for number in numbers])
        conn.execute(insert(chain_journal), [{"tx_hash": _hash(n), "raw_tx": b"x"} for n in numbers])
        conn.execute(insert(chain_tx), [_tx(number) for number in numbers])
    return database


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_look_at_what_was_sent_reads_what_is_open(aged: Database, look: str) -> None:
    with aged.begin() as conn:
        if conn.dialect.name == "postgresql":  # which would rather read a table this small
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        with listened(conn) as sent:
            LOOKS[look](conn)
        about = [(sql, values) for sql, values in sent if any(table in sql for table in TABLES)]
        assert about, "nothing was asked of the chain room"
        for sql, values in about:
            plan = plan_of(conn, sql, values)
            assert not _reads_all(plan), (sql, plan)


def _batch(number: int) -> dict[str, Any]:
    state = "final" if number < SENT - 2 else "mined"
    return {"number": number, "state": state, "count": 1, "root": bytes(32), "created_at": START}


def _item(number: int) -> dict[str, Any]:
    return {"batch": number, "position": 0, "op_id": op(number), "leaf": bytes(32), "live": True}


def _tx(number: int) -> dict[str, Any]:
    return {
        "tx_hash": _hash(number), "signer": bytes(20), "nonce": number, "attempt": 0, "slot": number,
        "state": "final" if number < SENT - 2 else "mined", "batch_number": number, "gas": 1, "max_fee": 0,
        "priority_fee": 0, "block_number": number, "signed_at": START,
    }  # fmt: skip


def _hash(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _reads_all(plan: list[str]) -> bool:
    """Whether a step goes through a whole table: by itself, or by an index of everything."""
    return any(f"{sign} {table}" in step and " USING " not in step
               for step in plan for sign in ("SCAN", "Seq Scan on") for table in TABLES)  # fmt: skip
