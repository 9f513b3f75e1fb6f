"""What the bridge works through piece by piece and how far it is, as the database tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Nullable, Record, Text
from ledger_service.kernel.clock import format_instant
from ledger_service.outbox.queries import lag, newest_intent
from ledger_service.tiers.queries import runs
from ledger_service.traceability.goods.queries import unmade
from ledger_service.traceability.log.queries import taken_in

_MOST = 50
_JOB = Record(
    {"job": Text(one_of=("chain", "event-log", "item-batch", "tiers")), "subject": Text(64, 0),
     "done": Integer(), "of": Nullable(Integer()), "begun_at": Nullable(shapes.INSTANT),
     "ended_at": Nullable(shapes.INSTANT)},
    closed=False,
)  # fmt: skip
LIST = Route(
    "GET", "/v1/jobs", "list-jobs", scopes("audit:read", "operate"), "Long work and how far it is",
    group="Operations",
    success=Success(200, f"`of` is null where nobody knows it before; {_MOST} batches and recounts at most.",
                    shapes.answer("Jobs", jobs=Listing(_JOB, 2 * _MOST + 2))),
)  # fmt: skip
ROUTES = (LIST,)


@dataclass(frozen=True, slots=True)
class JobsDoor:
    """The endpoint of this module over the rooms' own progress."""

    administration: Administration

    def list(self, call: Call) -> Reply:
        """How far each is."""
        return self.administration.read(lambda conn: {"jobs": list(_jobs(conn))})


def served(door: JobsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(LIST, door.list)]


def _jobs(conn: Connection) -> Iterator[Json]:
    behind, newest = lag(conn), newest_intent(conn)
    yield _job("chain", "", newest - behind.queued - behind.packed - behind.mined, newest)
    yield _job("event-log", "", *taken_in(conn))
    for batch in unmade(conn, _MOST):
        yield _job("item-batch", f"{batch['gtin']} {batch['batch_no']}", batch["made"], batch["size"])
    for run in runs(conn, _MOST):
        ended = run["ended_at"]
        times = {"begun_at": format_instant(run["begun_at"]),
                 "ended_at": None if ended is None else format_instant(ended)}  # fmt: skip
        yield _job("tiers", f"{run['programme_id']} {run['kind']}", run["members"], None) | times


def _job(job: str, subject: str, done: int, of: int | None) -> Json:
    """A row, done never more than the whole: what came after the whole was counted makes that larger."""
    of = None if of is None else max(done, of)
    return {"job": job, "subject": subject, "done": done, "of": of, "begun_at": None, "ended_at": None}
