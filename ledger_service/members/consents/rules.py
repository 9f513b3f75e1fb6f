"""Pure rules of consents: purposes, and whether a reading needs one."""

from __future__ import annotations

PURPOSES = ("service", "analytics", "marketing", "research")
MOST_CONSENTS = 100


def needs_consent(owner_id: int, reader_id: int | None) -> bool:
    """Whether facts of ``owner_id`` are another merchant's to ``reader_id``.

    None stands for whoever runs the alliance or audits it, which reads for its own duties alone.
    """
    return reader_id is not None and reader_id != owner_id
