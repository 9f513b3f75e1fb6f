"""How transactions of replayed days share blocks: what was days apart stays so when all come again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ledger_service.chain import delivery
from ledger_service.chain.delivery import Parcel, ReplayDelivery, blocks_of
from ledger_service.chain.errors import NodeRefusal
from tests.chain.world import DAY


class Recorder:
    """A node that can hold its mining back, and writes down which transactions each dated block got."""

    has_time_control = can_hold_back_mining = True
    version = "recorder"

    def __init__(self) -> None:
        self.blocks: list[tuple[int, list[bytes]]] = [(100, [])]
        self._waiting: list[bytes] = []
        self._date = 0

    def head(self) -> Any:
        return SimpleNamespace(timestamp=self.blocks[-1][0])

    def send(self, raws: list[bytes]) -> list[bytes]:
        self._waiting += raws
        return raws

    def control(self, *calls: tuple[str, list[Any]]) -> None:
        for method, arguments in calls:
            if method == "evm_setNextBlockTimestamp":
                self._date = arguments[0]
            elif method == "evm_mine":
                self.blocks.append((self._date, self._waiting))
                self._waiting = []


def test_an_act_is_never_in_the_block_of_its_announcement() -> None:
    """As after a reorganisation that took back the two days of notice between them."""
    node: Any = Recorder()
    announced, act = Parcel(b"schedule", 1_000), Parcel(b"perform", 1_000 + 2 * DAY)
    batch = Parcel(b"batch", 1_030)
    assert ReplayDelivery(node).deliver([announced, batch, act]) == [b"schedule", b"batch", b"perform"]
    assert node.blocks[1:] == [(1_030, [b"schedule", b"batch"]), (1_000 + 2 * DAY, [b"perform"])]


@pytest.mark.parametrize(
    ("times", "sizes"),
    [([], []), ([None, None], [2]), ([5, None, 5 + DAY], [2, 1]), ([5, DAY], [2]), ([DAY, 5, DAY], [3])],
)
def test_what_is_less_than_a_day_apart_shares_a_block(times: list[int | None], sizes: list[int]) -> None:
    assert [len(block) for block in blocks_of([Parcel(b"", at) for at in times])] == sizes


class Mining(Recorder):
    """A node that mines for another process: it knows the new block's time some looks before it shows it."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.hidden = looks

    def head(self) -> Any:
        self.hidden -= 1
        return SimpleNamespace(timestamp=200 if self.hidden < 0 else 100)

    def control(self, *calls: tuple[str, list[Any]]) -> None:
        if calls[0][1][0] <= 200:
            raise NodeRefusal(calls[0][0], -32602, "lower than the previous block's timestamp")
        super().control(*calls)


def test_a_date_waits_for_a_block_that_is_being_mined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_LOOK_AGAIN_SECONDS", 0)
    node: Any = Mining(looks=3)
    ReplayDelivery(node).date_next(50)
    assert node._date == 201
    with pytest.raises(NodeRefusal):
        ReplayDelivery(Mining(looks=1_000)).date_next(50)  # type: ignore[arg-type]  # a node of the test
