"""kill -9 of real processes at named lines: nothing that was acknowledged is lost, nothing is doubled, and
who comes back goes on by itself (R12)."""

from __future__ import annotations

import pytest

from tests.crash.points import POINTS
from tests.crash.shopping import Shopping

READY_SECONDS = 10
# One for each process: it comes back with everything to import, a bridge with a lease to wait for, in time.
COLD = ("serve:mid-flush", "bridge:mid-index", "chain:before-commit", "signer:before-answer")

# What a bridge may hear of a batch that it sent: it arrived and was called an error, it arrived and nothing
# was heard, it never arrived, half was heard.
ANSWERS, FEW = ("error", "swallow", "cut", "half"), ("error", "swallow")
NOTING = "bridge:before-noted"


def die_and_come_back(shopping: Shopping, point: str, passes: int = 0, *, timed: bool = True) -> None:
    """A till sells while a process dies at the point, after so many passes, and is started again.

    Where the time is not asked for, because the same start is timed elsewhere, it imports nothing anew.
    """
    product, name = shopping.product, point.partition(":")[0]
    product.stop(name)
    product.start(name, point, passes)
    with shopping.buying():
        product.wait_for_death(name)
        cold = timed and point in COLD and not product.anvil
        if name == "bridge" and not cold:
            product.lapse_lease()
        assert product.start(name, cold=cold) < READY_SECONDS
    shopping.assert_sound()


def die_over(shopping: Shopping, point: str, answer: str) -> None:
    """The same, while one batch on its way to the node is answered by no yes."""
    fault = shopping.product.chain_proxy.strike(answer, b"eth_sendRawTransaction", most=1)
    try:
        die_and_come_back(shopping, point, timed=False)
    finally:
        shopping.product.chain_proxy.heal()
    assert fault.struck == 1


@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_a_named_line_loses_nothing_and_doubles_nothing(
    on_sqlite: Shopping, point: str
) -> None:
    die_and_come_back(on_sqlite, point)


@pytest.mark.parametrize(
    "answer", [one if one in FEW else pytest.param(one, marks=pytest.mark.deep) for one in ANSWERS]
)
def test_a_bridge_killed_over_an_answer_that_is_no_yes_sends_the_same_once(
    on_sqlite: Shopping, answer: str
) -> None:
    die_over(on_sqlite, NOTING, answer)


@pytest.mark.deep
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("point", [point for point in POINTS if point != NOTING])
def test_a_process_killed_while_the_node_answers_badly_too_loses_nothing(
    on_sqlite: Shopping, point: str, answer: str
) -> None:
    """R12: each line times each answer, had by the batch before the death, at it, or behind it."""
    die_over(on_sqlite, point, answer)


@pytest.mark.deep
@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_a_later_pass_loses_nothing_on_sqlite_either(
    on_sqlite: Shopping, point: str, passes: int
) -> None:
    die_and_come_back(on_sqlite, point, passes)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.parametrize("passes", [0, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_a_named_line_loses_nothing_on_postgresql(
    on_postgres: Shopping, point: str, passes: int
) -> None:
    die_and_come_back(on_postgres, point, passes)
