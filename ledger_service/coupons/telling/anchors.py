"""Where a list's root stands on its way to the chain; before it is there, no code of it is handed out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping

from ledger_service.coupons.codes.errors import CodeListNotReady
from ledger_service.coupons.codes.rules import GENERIC
from ledger_service.coupons.telling.types import has_contract, root_id
from ledger_service.outbox.beside.queries import standings

# Beside those of the outbox: no version of the terms is live yet, or the chain is told of no such list.
WAITS, NEVER = "waiting", "not-told"
ON_CHAIN = ("mined", "final")


class Anchor(NamedTuple):
    """Where a list's root stands; ``reason`` says why the contract refused it."""

    state: str
    reason: str | None = None

    @property
    def stands(self) -> bool:
        """Whether the contract has it, or nobody wants it to."""
        return self.state == NEVER or (self.state in ON_CHAIN and self.reason is None)


def anchors_of(conn: Connection, lists: Sequence[RowMapping]) -> list[Anchor]:
    """Where the roots of these lists stand, in their order."""
    if not has_contract(conn):
        return [Anchor(NEVER) for _ in lists]
    found = standings(conn, [root_id(one["list_id"]) for one in lists])
    told = (found.get(root_id(one["list_id"])) for one in lists)
    return [
        Anchor(NEVER if one["kind"] == GENERIC else WAITS) if at is None else Anchor(at.state, at.reason)
        for one, at in zip(lists, told, strict=True)
    ]


def require_anchored(conn: Connection, listed: RowMapping) -> None:
    """Nothing, where the chain has the list's root: who prints first could make another root of it.

    Raises:
        CodeListNotReady: not-anchored, or anchor-refused.
    """
    (anchor,) = anchors_of(conn, [listed])
    if anchor.stands:
        return
    raise CodeListNotReady("not-anchored" if anchor.reason is None else "anchor-refused")
