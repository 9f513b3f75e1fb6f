"""What the service gives back: a status and the exact bytes that were stored with the effect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a write: ``body`` is JSON, and ``replayed`` says that an earlier call had the effect."""

    status: int
    body: bytes
    replayed: bool = False
