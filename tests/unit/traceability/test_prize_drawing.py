"""The bridge's draw of prize pools: who waits for its day costs the node nothing and keeps nobody waiting."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ledger_service.bootstrap import prize_drawing
from ledger_service.chain.drawing import Seen
from ledger_service.traceability.prizes.queries import PoolRow
from ledger_service.traceability.prizes.rules import Pool, Prize

AT = datetime(2027, 1, 1, tzinfo=UTC)


def row_of(number: int, draws_at: int | None) -> tuple[PoolRow, bytes]:
    pool = Pool("1", "L", 1, "TEA", (Prize("one", 1, 1),), 10**10, draws_at)
    return PoolRow(number, 1, pool, AT, None, None, None), number.to_bytes(32, "big")


class Nothing:
    @contextmanager
    def read(self) -> Any:
        yield None

    begin = read


def test_pools_that_wait_for_their_day_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row_of(number, 10**9) for number in range(1, 121)] + [row_of(121, None), row_of(122, 100)]
    drawn: list[int] = []
    asked: list[bytes] = []

    def behind(_: object, after: int, most: int) -> list[tuple[PoolRow, bytes]]:
        return [one for one in rows if one[0].batch_no > after and one[0].batch_no not in drawn][:most]

    def anchored(root: bytes) -> int:
        asked.append(root)
        return 5

    monkeypatch.setattr(prize_drawing, "undrawn", behind)
    monkeypatch.setattr(prize_drawing, "ItemChain", lambda *_: SimpleNamespace(anchored_in=anchored))
    monkeypatch.setattr(prize_drawing, "second_of", lambda *_: 100)
    monkeypatch.setattr(prize_drawing, "first_behind", lambda *_: Seen(6, b"h" * 32, (1, 100)))
    monkeypatch.setattr(prize_drawing, "set_block", lambda _, number, *__: drawn.append(number))
    node, clock = SimpleNamespace(head_number=lambda: 20), SimpleNamespace(now=lambda: AT)
    parts: list[Any] = [Nothing(), node, b"r", b"l", 3, clock]
    drawer = prize_drawing.PrizeDrawer(*parts)
    assert not drawer.run()
    assert (drawn, len(asked)) == ([121, 122], 2)
