"""What waited for webhooks waits through the upgrade; from then on cards, tickets and notices are noted."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.config import Config

from ledger_service.db.engine import Database
from ledger_service.db.revisions import MIGRATIONS
from ledger_service.db.schema import migrate
from tests.migrations.test_days_data import blob
from tests.migrations.test_migrations import bare

__all__ = ["bare"]
_NOTICE = (
    "INSERT INTO expiry_notice (notice_id, member_id, programme_id, epoch, days_before, points, last_day,"
    " noticed_at) VALUES"
)


def test_what_waited_waits_still_and_only_what_happens_from_then_on_is_noted(bare: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with bare.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0115_tiers_told")
    ident = blob(bare, "07" * 16)
    _run(bare, *_before(bare))

    def rows(sql: str) -> list[tuple[Any, ...]]:
        with bare.read() as conn:
            return [tuple(row) for row in conn.exec_driver_sql(sql)]

    kept = {sql: rows(sql) for sql in (
        "SELECT number, kind, member_id, body FROM webhook_event",
        "SELECT number, state FROM webhook_delivery", "SELECT fresh_id, source, number FROM webhook_fresh",
    )}  # fmt: skip
    assert all(kept.values())
    migrate(bare)
    assert {sql: rows(sql) for sql in kept} == kept
    event = (
        "INSERT INTO webhook_event (number, event_id, merchant_id, kind, body, occurred_at, recorded_at)"
        " VALUES ({}, {}, 7, '{}', '{{}}', 1, 1)"
    )
    kinds = ("points.ending", "value_card.changed", "ticket.changed")
    _run(
        bare, f"{_NOTICE} (2, 1, 1, 1, 7, 5, '2026-01-01', 1)", _entry(ident, 2),
        "INSERT INTO ticket_entry (ticket_id, position, kind, amount_minor, ref, reference, at) VALUES"
        f" ({ident}, 1, 'entered', 0, {ident}, 'r', 1)",
        *(event.format(n, blob(bare, f"{n:02}" * 16), kind) for n, kind in enumerate(kinds, 2)),
    )  # fmt: skip
    noted = rows("SELECT source, number FROM webhook_fresh ORDER BY fresh_id")
    assert noted == [("case", 9), ("ending", 2), ("card", 2), ("ticket", 1)]


def _run(bare: Database, *statements: str) -> None:
    with bare.begin() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


def _entry(ident: str, position: int) -> str:
    return (
        "INSERT INTO value_entry (card_id, position, kind, source, destination, amount_minor, ref, reference,"
        f" terminal_id, at) VALUES ({ident}, {position}, 'load', 'tender', 'liability', 5, {ident}, 'r', 't',"
        " 1)"
    )


def _before(bare: Database) -> tuple[str, ...]:
    ident, key = blob(bare, "07" * 16), blob(bare, "07" * 20)
    card = f"{ident}, {ident}, 7, 1, 1, 'USD'"
    return (
        "INSERT INTO merchant (merchant_id, name, status, admin_key, operations_key, settlement_key,"
        f" created_at) VALUES (7, 'M', 'active', {key}, {key}, {key}, 1)",
        "INSERT INTO member (member_id, status, custody, ledger_base, created_at) VALUES"
        " (1, 'active', 'device', 4, 1)",
        "INSERT INTO programme (programme_id, code, merchant_id, name, currency, timezone, cycle,"
        " pending_days, created_at, jurisdiction)"
        " VALUES (1, 'P', 7, 'P', 'USD', 'UTC', 'month', 0, 1, 'none')",
        "INSERT INTO value_card (card_id, tag, merchant_id, definition_id, version, currency, state,"
        " balance_minor, held_minor, most_minor, entries, issued_at)"
        f" VALUES ({card}, 'active', 5, 0, 9, 1, 1)",
        "INSERT INTO ticket (ticket_id, tag, merchant_id, definition_id, version, currency, price_minor,"
        " paid_with, gift, gifts, begins_at, over_at, state, sold_at, sold_in, changed_at, entries)"
        f" VALUES ({card}, 5, '{{}}', 'never', 0, 1, 2, 'sold', 1, 1, 1, 1)",
        _entry(ident, 1), f"{_NOTICE} (1, 1, 1, 1, 30, 5, '2026-01-01', 1)",
        "INSERT INTO webhook_endpoint (endpoint_id, merchant_id, url, kinds, state, generation, rotated_at,"
        f" created_by, created_at, failures) VALUES ({ident}, 7, 'https://x', '', 'active', 1, 1, 'm', 1, 0)",
        "INSERT INTO webhook_event (number, event_id, merchant_id, kind, member_id, body, occurred_at,"
        f" recorded_at) VALUES (1, {ident}, 7, 'tier.changed', 1, '{{}}', 1, 1)",
        "INSERT INTO webhook_delivery (endpoint_id, number, lane, state, attempts, due_at)"
        f" VALUES ({ident}, 1, 1, 'pending', 0, 1)",
        "INSERT INTO webhook_fresh (source, ref, number) VALUES ('case', NULL, 9)",
    )  # fmt: skip
