"""The REST binding of EPCIS 2.0, capture: documents and single events in, jobs out."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.api.dialects import Dialect
from ledger_service.api.endpoints import epcis_shapes as shapes
from ledger_service.api.endpoints.epcis_wants import unmet
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free
from ledger_service.db.engine import Database
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.ids import ID_BYTES, IdSource
from ledger_service.traceability.epcis import errors as refusals
from ledger_service.traceability.epcis import jobs
from ledger_service.traceability.epcis.documents import CONTEXT, MOST_BYTES, open_document
from ledger_service.traceability.epcis.prepared import prepare
from ledger_service.traceability.epcis.service import store

CAPTURE = Route(
    "POST", "/epcis/capture", "capture-events", scopes("trace:write"),
    "Capture a document of events; what is stored already is not doubled", group=shapes.GROUP,
    body=Free("An EPCISDocument or EPCISQueryDocument of EPCIS 2.0 in JSON-LD."), room_checks=True,
    problems=(refusals.CaptureTooLarge,),
    success=Success(202, "Its job is at `Location`.", shapes.JOB), dialect=Dialect(
        MOST_BYTES, shapes.LINKED_JSON, (shapes.BEHAVIOUR,), shapes.OF_LIMITS, shapes.OF_CAPTURE,
        unmet=unmet),
)  # fmt: skip
JOBS = Route(
    "GET", "/epcis/capture", "capture-jobs", scopes("trace:write"), "The caller's capture jobs, newest first",
    group=shapes.GROUP, query=shapes.PAGES, dialect=shapes.PLAIN,
    success=Success(200, "A page; the next is in `Link`.", shapes.JOBS),
)  # fmt: skip
JOB = Route(
    "GET", "/epcis/capture/<capture>", "capture-job", scopes("trace:read", "trace:write"),
    "What became of a captured document", group=shapes.GROUP, problems=(refusals.CaptureUnknown,),
    success=Success(200, "The job.", shapes.JOB), dialect=shapes.PLAIN,
)  # fmt: skip
EVENT = Route(
    "POST", "/epcis/events", "capture-event", scopes("trace:write"), "Capture one event",
    group=shapes.GROUP, body=Free("An event of EPCIS 2.0 with its own @context."), room_checks=True,
    problems=(refusals.EventKnown, refusals.EventIdTaken, refusals.EventUnknown),
    success=Success(201, "It is stored under `Location`.", shapes.EVENT), dialect=Dialect(
        MOST_BYTES, shapes.LINKED_JSON, (), shapes.OF_LIMITS, shapes.OF_CAPTURE, unmet=unmet),
)  # fmt: skip
ROUTES = (CAPTURE, JOBS, JOB, EVENT)


@dataclass(frozen=True, slots=True)
class EpcisDoor:
    """The endpoints of capture. They keep off the writer of sales: a document takes as long as it takes."""

    database: Database
    ids: IdSource
    cursors: Cursors

    def capture(self, call: Call) -> Reply:
        """A document is captured, and its job tells how far."""
        behaviour = (call.headers or {}).get(shapes.BEHAVIOUR, jobs.ROLLBACK)
        if behaviour not in (jobs.ROLLBACK, jobs.PROCEED):
            raise MalformedField(shapes.BEHAVIOUR, "must be rollback or proceed")
        document = open_document(call.body.fields)
        job_id, caller = self.ids.random_bytes(ID_BYTES), call.caller
        wanted = jobs.Capture(job_id, caller.subject, caller.merchant_id, behaviour, document, call.at)
        job = jobs.job_view(jobs.run(self.database, wanted))
        return Reply(job, 202, headers=(("Location", f"/epcis/capture/{job['captureID']}"),))

    def capture_event(self, call: Call) -> Reply:
        """One event is stored."""
        fields = call.body.fields
        if "@context" not in fields:
            raise MalformedField("@context", f"is required, with {CONTEXT}")
        event = prepare(fields, "event")
        with self.database.begin() as conn:
            (outcome,) = store(conn, call.caller.merchant_id, [event], call.at)
            if outcome.refusal is not None:
                raise outcome.refusal
            if outcome.event_seq is None:
                raise refusals.EventKnown(event.event_id)
        shown = shapes.whole_event(event.body(call.at))
        return Reply(shown, 201, headers=(("Location", shapes.event_path(event.event_id)),))

    def jobs(self, call: Call) -> Reply:
        """The caller's jobs."""
        subject, size = call.caller.subject, shapes.page_size(call.query)
        pages = shapes.Pages(self.cursors, f"epcis-jobs:{subject}", call)
        with self.database.read() as conn:
            found = jobs.jobs_after(conn, subject, pages.after(), size + 1)
        headers = pages.following(found, size, lambda job: job.position)
        return Reply(shapes.dumped([jobs.job_view(job) for job in found[:size]]), headers=headers)

    def job(self, call: Call) -> Reply:
        """One job; the caller's own, or any for those who see every merchant's events."""
        subject = call.caller.subject if call.caller.merchant_id is not None else None
        with self.database.read() as conn:
            return Reply(jobs.job_view(jobs.find_job(conn, call.path["capture"], subject)))


def served(door: EpcisDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.capture, door.jobs, door.job, door.capture_event)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]
