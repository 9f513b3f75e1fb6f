"""What the service gives back: a status and the exact bytes that were stored with the effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger_service.checkout.archive_errors import AnswerArchived
from ledger_service.checkout.errors import IdempotencyKeyReused

# The status of a key whose answer stands in an archive; its response says where. No answer is stored with it.
ARCHIVED = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a write: ``body`` is JSON, and ``replayed`` says that an earlier call had the effect."""

    status: int
    body: bytes
    replayed: bool = False


def replay(row: Mapping[str, Any], body_hash: bytes) -> Answer:
    """The answer that a row of ``idempotency`` holds for a request with this body.

    Raises:
        IdempotencyKeyReused: it holds the answer to another body.
        AnswerArchived: it had its effect, and what was answered stands in an archive.
    """
    if row["body_hash"] != body_hash:
        raise IdempotencyKeyReused(row["key"])
    if row["status"] == ARCHIVED:
        raise AnswerArchived(row["key"], row["response"].decode())
    return Answer(row["status"], row["response"], replayed=True)
