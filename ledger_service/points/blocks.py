"""Commands that issue, repeated with fresh blocks of the cap until it is exhausted (D11)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from ledger_service.db.commands import BookCommand
from ledger_service.db.writer import Writer
from ledger_service.points.budget import draw
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.issuance import BlockEmpty, Worker

A = TypeVar("A")
_MOST_DRAWS = 8


def with_blocks(
    writer: Writer, catalogue: CatalogueCache, name: str, make: Callable[[Worker], BookCommand[A]]
) -> A:
    """What the command answers once the worker's blocks hold what it needs, or are known to be exhausted.

    Args:
        writer: runs the command, and draws in db transactions of their own.
        catalogue: of all programmes.
        name: of the worker.
        make: the command for a worker; called anew after every draw.
    """
    exhausted = frozenset[int]()
    for _ in range(_MOST_DRAWS):
        try:
            return writer.submit(make(Worker(name, exhausted)))
        except BlockEmpty as wish:
            empty = wish
        if not writer.run(partial(draw, wish=empty, worker=name)):
            exhausted |= {empty.programme.programme_id}
    return writer.submit(make(Worker(name, frozenset(catalogue.current().programmes))))
