"""Connections that are cut, stall, are reset or bring half an answer, between the service and PostgreSQL and
between the bridge and its node: what was acknowledged stands, errors are 503 with Retry-After, all heals."""

from __future__ import annotations

import time

import pytest

from tests.crash.product import wait_until
from tests.crash.proxy import Proxy
from tests.crash.shopping import Shopping

pytestmark = pytest.mark.postgres
FAULT_SECONDS = 1.5
READY_SECONDS = 10


# COMMIT is where nobody knows: cut, it never arrived; swallowed or halved, it was done.
@pytest.mark.parametrize(
    ("mode", "holding"),
    [
        ("cut", b""),
        ("cut", b"COMMIT"),
        ("swallow", b"COMMIT"),
        ("half", b"COMMIT"),
        ("stall", b""),
        ("refuse", b""),
    ],
)
def test_a_database_out_of_reach_is_a_503_and_loses_nothing(
    on_postgres: Shopping, database_proxy: Proxy, mode: str, holding: bytes
) -> None:
    before = on_postgres.refusals[503]
    with on_postgres.buying():
        fault = database_proxy.strike(mode, holding)
        time.sleep(FAULT_SECONDS)
        if mode == "refuse":
            status, headers, _ = on_postgres.product.ask("GET", "/readyz")
            assert (status, headers["Retry-After"].isdigit()) == (503, True)
        database_proxy.heal()
        healed = time.monotonic()
        wait_until(on_postgres.product.serves, "the service does not come back")
        assert time.monotonic() - healed < READY_SECONDS
    assert fault.struck
    # After a stall the writer's own second try may succeed.
    assert on_postgres.refusals[503] > before or mode == "stall"
    on_postgres.assert_sound()


@pytest.mark.parametrize("mode", ["cut", "swallow", "half", "error", "stall", "refuse"])
def test_a_node_out_of_reach_costs_no_checkout_and_all_operations_arrive_once(
    on_postgres: Shopping, mode: str
) -> None:
    before = sum(on_postgres.refusals.values())
    with on_postgres.buying():
        fault = on_postgres.product.chain_proxy.strike(mode)
        time.sleep(FAULT_SECONDS)
        on_postgres.product.chain_proxy.heal()
    assert fault.struck
    assert sum(on_postgres.refusals.values()) == before
    on_postgres.assert_sound()
