"""Capture jobs: what became of a document, all or nothing of it (rollback) or what was right (proceed)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, tuple_

from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of
from ledger_service.kernel.errors import DomainError, MalformedField
from ledger_service.kernel.ids import id_text, parse_id
from ledger_service.traceability.epcis.documents import Document
from ledger_service.traceability.epcis.errors import CaptureUnknown, EventUnknown
from ledger_service.traceability.epcis.models import epcis_capture_job
from ledger_service.traceability.epcis.prepared import Prepared, prepare_all
from ledger_service.traceability.epcis.service import store

ROLLBACK, PROCEED = "rollback", "proceed"
MOST_ERRORS = 100
_J = epcis_capture_job.c


@dataclass(frozen=True, slots=True)
class Capture:
    """A document that somebody hands in; ``subject`` is who, ``merchant_id`` for whom."""

    job_id: bytes
    subject: str
    merchant_id: int | None
    behaviour: str
    document: Document
    at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """What became of a document."""

    job_id: bytes
    behaviour: str
    event_count: int
    stored_count: int
    errors: Sequence[dict[str, Any]]
    created_at: datetime

    @property
    def position(self) -> str:
        """Where it stands in the list, for the page behind it."""
        return f"{micros_of(self.created_at)} {id_text(self.job_id)}"


class _Undone(Exception):
    """Nothing of the document is stored."""

    def __init__(self, errors: list[DomainError]) -> None:
        super().__init__()
        self.errors = errors


def run(database: Database, capture: Capture) -> Job:
    """The document is captured as far as its behaviour lets it, and its job is stored.

    Idempotency: an event that is stored already is not stored again, and is no error.
    """
    ready, wrong = prepare_all(capture.document)
    errors: list[DomainError] = list(wrong)
    try:
        if errors and capture.behaviour == ROLLBACK:
            raise _Undone(errors)
        with database.begin() as conn:
            errors += _store(conn, capture, ready)
            if errors and capture.behaviour == ROLLBACK:
                raise _Undone(errors)
            return _written(conn, capture, len(capture.document.events) - len(errors), errors)
    except _Undone as undone:
        with database.begin() as conn:
            return _written(conn, capture, 0, undone.errors)


def find_job(conn: Connection, job: str, subject: str | None) -> Job:
    """The job of an id.

    Args:
        conn: any.
        job: 32 hex digits.
        subject: whose jobs alone may be seen; None for everybody's.

    Raises:
        CaptureUnknown: there is none.
    """
    try:
        job_id = parse_id(job, "capture")
    except MalformedField:
        raise CaptureUnknown from None
    row = conn.execute(select(epcis_capture_job).where(_J.job_id == job_id)).mappings().first()
    if row is None or (subject is not None and row["subject"] != subject):
        raise CaptureUnknown
    return _job(row)


def jobs_after(conn: Connection, subject: str, after: str | None, most: int) -> list[Job]:
    """A subject's jobs behind a position, the newest first."""
    query = select(epcis_capture_job).where(_J.subject == subject)
    if after is not None:
        micros, job = after.split(" ")
        query = query.where(
            tuple_(_J.created_at, _J.job_id) < (instant_of_micros(int(micros)), parse_id(job, "after"))
        )
    rows = conn.execute(query.order_by(_J.created_at.desc(), _J.job_id.desc()).limit(most)).mappings()
    return [_job(row) for row in rows]


def job_view(job: Job) -> dict[str, Any]:
    """A job as EPCIS shows it."""
    return {
        "captureID": id_text(job.job_id),
        "createdAt": format_instant(job.created_at),
        "finishedAt": format_instant(job.created_at),
        "running": False,
        "success": not job.errors,
        "captureErrorBehaviour": job.behaviour,
        "eventCount": job.event_count,
        "storedCount": job.stored_count,
        "errors": list(job.errors),
    }


def _store(conn: Connection, capture: Capture, ready: Sequence[Prepared]) -> list[DomainError]:
    outcomes = store(conn, capture.merchant_id, ready, capture.at)
    return [outcome.refusal for outcome in outcomes if outcome.refusal is not None]


def _written(conn: Connection, capture: Capture, stored: int, errors: Sequence[DomainError]) -> Job:
    job = Job(
        capture.job_id,
        capture.behaviour,
        len(capture.document.events),
        stored,
        [_error_view(error) for error in errors[:MOST_ERRORS]],
        capture.at,
    )
    conn.execute(
        insert(epcis_capture_job).values(
            job_id=job.job_id,
            subject=capture.subject,
            behaviour=job.behaviour,
            event_count=job.event_count,
            stored_count=stored,
            errors=orjson.dumps(job.errors).decode(),
            created_at=capture.at,
            finished_at=capture.at,
        )
    )
    return job


def _error_view(error: DomainError) -> dict[str, Any]:
    kinds = ((MalformedField, "ValidationException"), (EventUnknown, "NoSuchResourceException"))
    kind = next((kind for of, kind in kinds if isinstance(error, of)), "ResourceAlreadyExistsException")
    return {
        "type": f"epcisException:{kind}",
        "title": error.why,
        "status": int(error.category),
        "code": error.code,
        "params": error.params,
    }


def _job(row: Any) -> Job:
    return Job(
        row["job_id"],
        row["behaviour"],
        row["event_count"],
        row["stored_count"],
        orjson.loads(row["errors"]),
        row["created_at"],
    )
