"""kill -9 of real processes at named lines: nothing that was acknowledged is lost, nothing is doubled, and
who comes back goes on by itself (R12)."""

from __future__ import annotations

import pytest

from tests.crash.points import POINTS
from tests.crash.shopping import Shopping

READY_SECONDS = 10
# One for each process: it comes back with everything to import, a bridge with a lease to wait for, in time.
COLD = ("serve:mid-flush", "bridge:mid-index", "chain:before-commit", "signer:before-answer")


def die_and_come_back(shopping: Shopping, point: str, passes: int = 0) -> None:
    """A till sells while a process dies at the point, after so many passes, and is started again."""
    product, name = shopping.product, point.partition(":")[0]
    product.stop(name)
    product.start(name, point, passes)
    with shopping.buying():
        product.wait_for_death(name)
        cold = point in COLD and not product.anvil
        if name == "bridge" and not cold:
            product.lapse_lease()
        assert product.start(name, cold=cold) < READY_SECONDS
    shopping.assert_sound()


@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_a_named_line_loses_nothing_and_doubles_nothing(
    on_sqlite: Shopping, point: str
) -> None:
    die_and_come_back(on_sqlite, point)


@pytest.mark.parametrize(
    "answer",
    [
        "error",
        "swallow",
        pytest.param("cut", marks=pytest.mark.deep),
        pytest.param("half", marks=pytest.mark.deep),
    ],
)
def test_a_bridge_killed_over_an_answer_that_is_no_yes_sends_the_same_once(
    on_sqlite: Shopping, answer: str
) -> None:
    """Not arrived; arrived and called an error; arrived and not answered; half answered."""
    fault = on_sqlite.product.chain_proxy.strike(answer, b"eth_sendRawTransaction", most=1)
    try:
        die_and_come_back(on_sqlite, "bridge:before-noted")
    finally:
        on_sqlite.product.chain_proxy.heal()
    assert fault.struck == 1


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
