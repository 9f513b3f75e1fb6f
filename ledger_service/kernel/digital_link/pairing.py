"""Which application identifiers must stand together on one item, and which may not.

A Digital Link is read without this: what marks an item may be spread over several carriers.
"""

from __future__ import annotations

from collections.abc import Collection

from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.identifiers import identifiers


def check_pairing(ais: Collection[str]) -> None:
    """All that one item carries fits together.

    Args:
        ais: application identifiers, all of them known.

    Raises:
        LinkMalformed: one lacks what it must stand beside, or stands beside what it may not.
    """
    for ai in sorted(ais):
        known, others = identifiers()[ai], [other for other in ais if other != ai]
        if known.beside and not any(_all_stand(group, others) for group in known.beside):
            raise LinkMalformed(f"must stand beside {' or '.join('+'.join(g) for g in known.beside)}", ai)
        if any(_stands(pattern, others) for pattern in known.never_beside):
            raise LinkMalformed(f"may not stand beside {' or '.join(known.never_beside)}", ai)


def _all_stand(group: tuple[str, ...], ais: Collection[str]) -> bool:
    return all(_stands(pattern, ais) for pattern in group)


def _stands(pattern: str, ais: Collection[str]) -> bool:
    """``n`` in a pattern is any digit."""
    stem = pattern.rstrip("n")
    return any(len(ai) == len(pattern) and ai.startswith(stem) for ai in ais)
