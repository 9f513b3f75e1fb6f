"""The courier: takes what is due, has it carried, writes down what came of it; sends nothing inside a db
transaction.

Of one endpoint a single run is under way at a time, in a thread of its own, so that a slow receiver holds up
nobody else. Of one member's facts each goes only once the one before was taken or given up. What was sent and
not yet written down when the process died is sent again, under the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import Clock, format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.members.models import member, member_preference
from ledger_service.members.quiet.rules import Wish, free_from
from ledger_service.webhooks.models import webhook_delivery, webhook_endpoint, webhook_event
from ledger_service.webhooks.ports import Answer, Transport
from ledger_service.webhooks.rules import (
    GIVE_UP_AFTER,
    Key,
    Verdict,
    headers_of,
    rest_after,
    secrets_at,
    verdict_of,
)

AT_ONCE = 200
_RUN_SECONDS = 4.0
_THREADS = 8
_L, _V, _D, _M = webhook_endpoint.c, webhook_event.c, webhook_delivery.c, member.c
_Q = member_preference.c


class Parcel(NamedTuple):
    """A fact on its way: its number, the member it concerns (0 for none), its id and its bytes."""

    number: int
    lane: int
    message_id: str
    body: bytes
    attempts: int
    first_tried_at: datetime | None


class Run(NamedTuple):
    """What goes to one endpoint now."""

    key: Key
    url: str
    failures: int
    parcels: Sequence[Parcel]


class Outcome(NamedTuple):
    """What came of a parcel."""

    parcel: Parcel
    answer: Answer


@dataclass
class Courier:
    """Runs beside the leading bridge; every step may be repeated."""

    database: Database
    transport: Transport
    clock: Clock
    master: bytes = field(repr=False)
    _pool: ThreadPoolExecutor | None = None
    _under_way: dict[bytes, tuple[Run, Future[list[Outcome]]]] = field(default_factory=dict)
    _turns: dict[bytes, int] = field(default_factory=dict)
    _turn: int = 0

    def step(self) -> bool:
        """What has come back is written down and what is due has set out; returns whether anything did."""
        noted = self._note([e for e, (_, future) in self._under_way.items() if future.done()])
        at = self.clock.now()
        with self.database.read() as conn:
            return self._send_out(conn, at) or noted

    def _send_out(self, conn: Connection, at: datetime) -> bool:
        """As many runs set out as threads are free; returns whether one did.

        First comes whose turn was longest ago: slow receivers, however many a merchant has of them, keep
        nobody waiting for more than a round, and neither does one whose queue cannot be read in time.
        """
        before = len(self._under_way)
        rows = [row for row in _due_endpoints(conn, at) if row["endpoint_id"] not in self._under_way]
        for row in sorted(rows, key=lambda row: self._turns.get(row["endpoint_id"], 0)):
            if len(self._under_way) >= _THREADS:
                break
            self._turn += 1
            self._turns[row["endpoint_id"]] = self._turn
            run = _run_of(conn, row, at)
            if run.parcels:
                self._pool = self._pool or ThreadPoolExecutor(_THREADS, "webhooks")
                self._under_way[run.key.endpoint_id] = (run, self._pool.submit(self._carry, run))
        return len(self._under_way) > before

    def finish(self) -> None:
        """Whatever is under way has come back and is written down."""
        self._note(list(self._under_way))

    def close(self) -> None:
        """As ``finish``, and the threads have ended."""
        self.finish()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _carry(self, run: Run) -> list[Outcome]:
        """Parcels in their order, for some seconds; a lane ends where one is refused, all where nobody is."""
        outcomes: list[Outcome] = []
        stuck: set[int] = set()
        until = monotonic() + _RUN_SECONDS
        for parcel in run.parcels:
            if parcel.lane in stuck:
                continue
            at = self.clock.now()
            headers = headers_of(parcel.message_id, at, parcel.body, secrets_at(self.master, run.key, at))
            answer = self.transport.post(run.url, headers, parcel.body)
            outcomes.append(Outcome(parcel, answer))
            verdict = verdict_of(answer.status)
            if verdict in (Verdict.AWAY, Verdict.GONE) or monotonic() > until:
                break
            if verdict is Verdict.REFUSED and parcel.lane:
                stuck.add(parcel.lane)
        return outcomes

    def _note(self, endpoint_ids: Iterable[bytes]) -> bool:
        noted = False
        for endpoint_id in endpoint_ids:
            run, future = self._under_way.pop(endpoint_id)
            outcomes, at = future.result(), self.clock.now()
            with self.database.begin() as conn:
                note(conn, run, outcomes, at)
            noted = True
        return noted


def note(conn: Connection, run: Run, outcomes: Sequence[Outcome], at: datetime) -> None:
    """What came of a run stands in the database: taken, to be tried again and when, or given up."""
    endpoint_id, away = run.key.endpoint_id, None
    for parcel, answer in outcomes:
        verdict = verdict_of(answer.status)
        away = answer if verdict in (Verdict.AWAY, Verdict.GONE) else None
        mine = (_D.endpoint_id == endpoint_id) & (_D.number == parcel.number) & (_D.state == "pending")
        conn.execute(update(webhook_delivery).where(mine).values(**_standing(parcel, answer, verdict, at)))
    changed = update(webhook_endpoint).where(_L.endpoint_id == endpoint_id)
    if away is None:
        fresh = {"failures": 0, "rests_until": None, "failing_since": None, "last_error": None}
        conn.execute(changed.values(**fresh))
        return
    failures = run.failures + 1
    rest = max(
        rest_after(failures, endpoint_id[0] + at.microsecond), timedelta(seconds=away.retry_after_seconds)
    )
    trouble = away.trouble if away.status is None else str(away.status)
    conn.execute(changed.values(failures=failures, rests_until=at + rest, last_error=trouble))
    conn.execute(changed.where(_L.failing_since.is_(None)).values(failing_since=at))
    if verdict_of(away.status) is Verdict.GONE:
        conn.execute(changed.where(_L.state == "active").values(state="gone"))


def _standing(parcel: Parcel, answer: Answer, verdict: Verdict, at: datetime) -> Mapping[str, object]:
    first, attempts = parcel.first_tried_at or at, parcel.attempts + 1
    same = {"attempts": attempts, "first_tried_at": first, "last_status": answer.status}
    if verdict is Verdict.TAKEN:
        return same | {"state": "delivered", "done_at": at}
    if at - first >= GIVE_UP_AFTER:
        return same | {"state": "dead", "done_at": at}
    # Of a receiver that is away the endpoint keeps the pause; what it refused pauses by itself.
    pause = rest_after(attempts, parcel.number) if verdict is Verdict.REFUSED else timedelta(0)
    return same | {"due_at": at + pause}


def _due_endpoints(conn: Connection, at: datetime) -> Sequence[RowMapping]:
    rested = _L.rests_until.is_(None) | (_L.rests_until <= at)
    return conn.execute(select(webhook_endpoint).where(_L.state == "active", rested)).mappings().all()


def _run_of(conn: Connection, row: RowMapping, at: datetime) -> Run:
    """The next parcels: in the order of the facts, of each lane from its oldest that waits and is due."""
    key = Key(row["endpoint_id"], row["generation"], row["rotated_at"])
    earlier = webhook_delivery.alias()
    e = earlier.c
    held_up = (
        select(e.number)
        .where(e.endpoint_id == _D.endpoint_id, e.lane == _D.lane, e.number < _D.number,
               e.state == "pending", e.due_at > at)
        .exists()
    )  # fmt: skip
    mine = (_D.endpoint_id == key.endpoint_id) & (_D.state == "pending") & (_D.due_at <= at)
    joined = (
        webhook_delivery.join(webhook_event, _V.number == _D.number)
        .outerjoin(member, _M.member_id == _V.member_id)
        .outerjoin(member_preference, _Q.member_id == _V.member_id)
    )
    its = (
        select(_D.number, _D.lane, _D.attempts, _D.first_tried_at, _V.event_id, _V.kind, _V.body,
               _V.merchant_id, _V.occurred_at, _M.member_number, _M.account,
               _Q.quiet_from, _Q.quiet_until, _Q.quiet_zone, _Q.most_a_day)
        .select_from(joined)
        .where(mine, (_D.lane == 0) | ~held_up)
        .order_by(_D.number)
        .limit(1 if row["failures"] else AT_ONCE)
    )  # fmt: skip
    parcels = [_parcel(found, at) for found in conn.execute(its).mappings()]
    return Run(key, row["url"], row["failures"], parcels)


def _parcel(row: RowMapping, at: datetime) -> Parcel:
    return Parcel(
        row["number"], row["lane"], f"evt_{id_text(row['event_id'])}", payload_of(row, at),
        row["attempts"], row["first_tried_at"],
    )  # fmt: skip


def payload_of(row: RowMapping, at: datetime) -> bytes:
    """A fact as a receiver gets it; of a member its number and account, no number once it is erased, and
    in its quiet hours when they end, so that nobody writes to it before; nor oftener than it wishes."""
    who = None
    if row["account"] is not None:
        who = {"number": row["member_number"], "account": "0x" + row["account"].hex()}
        if row["quiet_zone"] is not None:
            free = free_from(Wish(row["quiet_from"], row["quiet_until"], row["quiet_zone"]), (), at)
            who |= {"quiet_until": format_instant(free)} if free > at else {}
        who |= {} if row["most_a_day"] is None else {"most_a_day": row["most_a_day"]}
    return orjson.dumps({
        "type": row["kind"], "timestamp": format_instant(row["occurred_at"]), "number": row["number"],
        "merchant": gln_text(row["merchant_id"]), "data": {**orjson.loads(row["body"]), "member": who},
    })  # fmt: skip
