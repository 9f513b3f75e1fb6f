"""The leading bridge dies or falls asleep while tills sell: the other takes over and nothing is doubled."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_service.chain.settings import ChainSettings
from tests.operations.asleep import quiet_stop
from tests.operations.installation import Installation, wait_until

LEASE_SECONDS = ChainSettings().lease_seconds
# The other bridge asks twice a second, and this machine may be busy.
SLACK_SECONDS = 10


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(Path(tmp_path_factory.mktemp("failover")))
    try:
        made.found()
        yield made
    finally:
        made.close()


@pytest.fixture
def two_bridges(product: Installation) -> tuple[str, str]:
    """(the leader's name, the name of the one that stands by)."""
    for name in {"bridge", "other"} - product.running.keys():
        product.start_bridge(name)
    wait_until(lambda: product.leads("bridge") or product.leads("other"), "nobody leads")
    return ("bridge", "other") if product.leads("bridge") else ("other", "bridge")


def test_a_killed_leader_is_followed_within_its_lease_and_nothing_is_doubled(
    product: Installation, two_bridges: tuple[str, str]
) -> None:
    leader, heir = two_bridges
    reign, number = product.leader()[1], product.new_member()
    for _ in range(4):
        product.sell(number)
    product.kill(leader)
    died = time.monotonic()
    product.sell(number)
    wait_until(lambda: product.leads(heir), "nobody took over", LEASE_SECONDS + SLACK_SECONDS)
    took = time.monotonic() - died
    assert product.leader()[1] == reign + 1
    assert took <= LEASE_SECONDS + SLACK_SECONDS
    product.assert_sound()


def test_a_leader_that_slept_through_its_lease_writes_not_one_line_more(
    product: Installation, two_bridges: tuple[str, str]
) -> None:
    leader, heir = two_bridges
    reign, number = product.leader()[1], product.new_member()
    product.signal("chain", signal.SIGSTOP)
    time.sleep(1)  # now the leader is in the middle of a pass: it waits for the node's answer
    quiet_stop(product, leader)
    product.signal("chain", signal.SIGCONT)
    for _ in range(3):
        product.sell(number)
    wait_until(lambda: product.leads(heir), "nobody took over", LEASE_SECONDS + SLACK_SECONDS)
    assert product.leader()[1] == reign + 1
    product.assert_sound()
    product.sell(number)
    wait_until(product.drained, "the heir does not work")  # and so its lease is fresh
    quiet_stop(product, heir)
    product.sell(number)  # there is something to pack, and only the old leader is awake
    product.signal(leader, signal.SIGCONT)
    wait_until(lambda: "bridge waits: chain-not-leader" in product.log(leader), product.log(leader), 8)
    # Every write of a bridge carries its reign (the fence): were one the sleeper's, the row would say so.
    assert product.leads(heir)
    assert product.leader()[1] == reign + 1
    assert not product.drained()
    product.signal(heir, signal.SIGCONT)
    product.assert_sound()
    product.kill(heir)
    wait_until(lambda: product.leads(leader), "it does not stand by", LEASE_SECONDS + SLACK_SECONDS)
    product.sell(number)
    product.assert_sound()
