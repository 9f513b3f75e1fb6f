"""kill -9 of real processes at named lines: nothing that was acknowledged is lost, nothing is doubled, and
who comes back goes on by itself (R12)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.crash.points import POINTS
from tests.crash.product import Product
from tests.crash.shopping import Shopping

READY_SECONDS = 10


@pytest.fixture(scope="module")
def shopping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopping]:
    """An alliance in real processes, over SQLite and the project's own chain."""
    product = Product(tmp_path_factory.mktemp("alliance"))
    try:
        product.found()
        made = Shopping(product)
        made.open()
        yield made
    finally:
        product.close()


class Buyer(threading.Thread):
    """Buys one basket; ``done`` once every answer has arrived."""

    def __init__(self, shopping: Shopping) -> None:
        super().__init__(daemon=True)
        self._shopping, self.done = shopping, False

    def run(self) -> None:
        self._shopping.basket()
        self.done = True


def die_and_come_back(shopping: Shopping, point: str, passes: int = 0) -> None:
    """A basket is bought while a process dies at the point and is started again."""
    product, name = shopping.product, point.partition(":")[0]
    product.stop(name)
    product.start(name, point, passes)
    buyer = Buyer(shopping)
    buyer.start()
    product.wait_for_death(name)
    assert product.start(name) < READY_SECONDS
    buyer.join()
    assert buyer.done
    shopping.assert_sound()


@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_a_named_line_loses_nothing_and_doubles_nothing(
    shopping: Shopping, point: str
) -> None:
    die_and_come_back(shopping, point)


@pytest.mark.parametrize("answer", ["cut", "error", "swallow", "half"])
def test_a_bridge_killed_over_an_answer_that_is_no_yes_sends_the_same_once(
    shopping: Shopping, answer: str
) -> None:
    """Not arrived; arrived and called an error; arrived and not answered; half answered."""
    fault = shopping.product.chain_proxy.strike(answer, b"eth_sendRawTransaction", most=1)
    try:
        die_and_come_back(shopping, "bridge:before-noted")
    finally:
        shopping.product.chain_proxy.heal()
    assert fault.struck == 1
