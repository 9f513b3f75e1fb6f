"""What a subscription has to send now, and what came of sending it; nothing here sends."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, update

from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.merchants.queries import holds_key
from ledger_service.traceability.epcis.documents import query_document
from ledger_service.traceability.epcis.looking import sizes_between
from ledger_service.traceability.epcis.queries import bodies_of, first_recorded, last_number
from ledger_service.traceability.epcis.searching import Search
from ledger_service.traceability.moving.seeing import seen_by
from ledger_service.traceability.standing.queries import find_query
from ledger_service.webhooks.ports import Answer
from ledger_service.webhooks.rules import (
    GIVE_UP_AFTER,
    LEAST_REST,
    Verdict,
    headers_of,
    rest_after,
    verdict_of,
)
from ledger_service.webhooks.subscriptions.models import epcis_subscription
from ledger_service.webhooks.subscriptions.service import TokenSafe, first_due

SCOPE = "trace:read"
# A look goes through so many events at most, so that no step reads a book of millions.
_WINDOW, _LOOKS = 5_000, 10
_MOST_BYTES = 4 * 1024 * 1024
_WITHOUT_KEY = timedelta(hours=1)
_S = epcis_subscription.c
Changes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A document on its way to a subscriber, and what the subscription's row is once it was taken."""

    row: RowMapping
    message_id: str
    body: bytes
    taken: Changes

    def headers(self, at: datetime, token: bytes | None) -> dict[str, str]:
        """The headers: signed with the subscriber's token where it gave one."""
        told = headers_of(self.message_id, at, self.body, [] if token is None else [token])
        told |= {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
        if token is None:
            return {name: value for name, value in told.items() if value}
        return told | {"GS1-Signature": f"sha256={hmac.digest(token, self.body, sha256).hex()}"}


def next_of(conn: Connection, row: RowMapping, at: datetime) -> Message | Changes:
    """What is to be sent under a subscription that is due, or how its row moves on without."""
    kind, _, subject_id = row["holder"].partition(":")
    if not holds_key(conn, (kind, subject_id), SCOPE, at):
        return {"due_at": at + _WITHOUT_KEY, "last_error": "no-key"}
    query = find_query(conn, row["holder"], row["name"])
    last = last_number(conn)
    run_to = last if row["run_to"] is None else min(row["run_to"], last)
    seen = row["seen"] if row["seen"] is not None else _start(conn, row)
    if seen is None:
        return _ended(row, None, at)
    search = seen_by(conn, _since(query.search, row), query.merchant_id)
    bodies, reached = _look(conn, search, (seen, run_to), row["most"])
    moved = {"seen": reached, "run_to": run_to if row["schedule"] else None}
    if bodies:
        return _message(row, bodies, at, moved | {"told": True})
    return moved if reached < run_to else _ended(row, reached, at)


def _ended(row: RowMapping, seen: int | None, at: datetime) -> Message | Changes:
    """A report is whole: a schedule waits for its next instant, a stream for the next event."""
    if not row["schedule"]:
        return {} if seen == row["seen"] else {"seen": seen}
    due = first_due(orjson.loads(row["schedule"]), at)
    changes = {"seen": seen, "run_to": None, "told": False, "due_at": due}
    if row["report_if_empty"] and not row["told"]:
        return _message(row, [], at, changes)
    return changes


def _start(conn: Connection, row: RowMapping) -> int | None:
    """Behind which event the first report begins; None while nothing was recorded since the initial time."""
    first = first_recorded(conn, row["initial_time"])
    return None if first is None else first - 1


def _since(search: Search, row: RowMapping) -> Search:
    initial = row["initial_time"]
    return search if initial is None else search.recorded_since(initial)


def _look(conn: Connection, search: Search, numbers: tuple[int, int], most: int) -> tuple[list[bytes], int]:
    """The next events that fit, and the number up to which nothing else does."""
    seen, run_to = numbers
    for _ in range(_LOOKS):
        upto = min(run_to, seen + _WINDOW)
        found = sizes_between(conn, search, (seen, upto), most) if seen < upto else []
        if found:
            few = _fitting(found)
            bodies = bodies_of(conn, few)
            whole = len(few) < most and len(few) == len(found)
            return [bodies[number] for number in few], upto if whole else few[-1]
        seen = max(seen, upto)
    return [], seen


def _fitting(found: list[tuple[int, int]]) -> list[int]:
    """The numbers of as many of the first as one message holds, at least one; no more is ever in memory."""
    size = 0
    for count, (_, length) in enumerate(found):
        size += length
        if size > _MOST_BYTES:
            return [number for number, _ in found[: max(count, 1)]]
    return [number for number, _ in found]


def _message(row: RowMapping, bodies: list[bytes], at: datetime, changes: Changes) -> Message:
    fresh = {"failures": 0, "failing_since": None, "last_error": None}
    subscription_id = row["subscription_id"]
    said = derive_id("epcis-report", subscription_id, str(row["seen"]), str(changes["seen"]), len(bodies),
                     str(row["due_at"]) if not bodies else "")  # fmt: skip
    body = query_document(bodies, at, row["name"], id_text(subscription_id))
    return Message(row, f"evt_{id_text(said)}", body, {**changes, **fresh})


def note(conn: Connection, message: Message, answer: Answer, at: datetime) -> None:
    """What came of a message stands in the row: taken, to be sent again and when, or given up."""
    changes = _standing(message, answer, at)
    mine = _S.subscription_id == message.row["subscription_id"]
    conn.execute(update(epcis_subscription).where(mine).values(**changes))


def _standing(message: Message, answer: Answer, at: datetime) -> Changes:
    row, verdict = message.row, verdict_of(answer.status)
    if verdict is Verdict.TAKEN:
        return {**message.taken, "notified_at": at}
    if verdict is Verdict.GONE:
        return {"state": "gone", "last_error": str(answer.status)}
    since = row["failing_since"] or at
    trouble = answer.trouble if answer.status is None else str(answer.status)
    if at - since >= GIVE_UP_AFTER:
        return {**message.taken, "last_error": trouble}
    if answer.status == 413 and row["most"] > 1:
        # The receiver asks for smaller ones, as the standard lets it.
        return {"most": row["most"] // 2, "due_at": at + LEAST_REST, "last_error": trouble}
    failures = row["failures"] + 1
    rest = max(
        rest_after(failures, row["subscription_id"][0] + at.microsecond),
        timedelta(seconds=answer.retry_after_seconds),
    )
    return {"failures": failures, "failing_since": since, "due_at": at + rest, "last_error": trouble}


def move(conn: Connection, subscription_id: bytes, changes: Changes) -> None:
    """The row has moved on without a message."""
    conn.execute(update(epcis_subscription).where(_S.subscription_id == subscription_id).values(**changes))


def token_of(safe: TokenSafe, row: RowMapping) -> bytes | None:
    """What the subscriber knows messages by; None where it gave nothing."""
    return None if row["token"] is None else safe.open(row["token"], row["subscription_id"])
