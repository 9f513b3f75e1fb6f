"""kill -9 while a refused operation is tried again: decided once, out of suspense once, on the chain once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import orjson
import pytest
from sqlalchemy import func, select, update

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.ledger.models import entry
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey
from ledger_service.outbox.models import intent
from tests.crash.product import wait_until
from tests.crash.shopping import GROC, Sent, Shopping

READY_SECONDS = 10
# At the first group of such a line the request is written down, at the second it is decided.
POINTS = [
    ("serve:mid-flush", 0), ("serve:before-commit", 0), ("serve:before-commit", 1),
    ("serve:before-answer", 1), ("bridge:before-stored", 0), ("bridge:before-sent", 0),
    ("bridge:mid-index", 0),
]  # fmt: skip


def entries(shopping: Shopping, kind: str) -> int:
    with shopping.product.database() as database, database.read() as conn:
        return int(conn.execute(select(func.count()).where(entry.c.kind == kind)).scalar_one())


def refused(shopping: Shopping) -> str:
    """The operation of a sale that the bridge has set aside, with its points in suspense."""
    product, before = shopping.product, entries(shopping, "suspend")
    product.stop("bridge")
    sold = orjson.loads(shopping.insist(shopping.sale(GROC, 900)))
    operation: str = sold["operations"][0]
    with product.database() as database, database.begin() as conn:
        mine = (intent.c.op_id == bytes.fromhex(operation)) & (intent.c.state == "queued")
        words = {"state": "set_aside", "reason": "MerchantSuspendedAt(0, 1, 2, 3)"}
        assert conn.execute(update(intent).where(mine).values(**words)).rowcount == 1
    product.lapse_lease()
    product.start("bridge")
    wait_until(lambda: entries(shopping, "suspend") == before + 1, "nothing went to suspense")
    return operation


def operators(shopping: Shopping) -> tuple[str, str]:
    """The keys of two people."""
    name = f"second-{datetime.now(UTC).timestamp()}"
    with shopping.product.database() as database, database.begin() as conn:
        issued = ApiKeys(SystemRandom()).issue(conn, None, IssueKey("operator", name), datetime.now(UTC))
    return (shopping.product.state / "operator.key").read_text().strip(), issued.token


def try_again(shopping: Shopping, operation: str, name: str) -> None:
    """One asks and the other decides; each goes on until it is answered."""
    first, second = operators(shopping)
    here = f"/v1/chain/set-aside/{operation}/retries"
    asked = shopping.insist(Sent(here, orjson.dumps({"note": "reinstated"}), f"ask-{name}", first))
    decision = f"{here}/{orjson.loads(asked)['retry']}/decision"
    decided = shopping.insist(Sent(decision, orjson.dumps({"approve": True}), f"decide-{name}", second))
    assert orjson.loads(decided) == {"state": "approved"}


@pytest.mark.parametrize(("point", "passes"), POINTS)
def test_a_retry_killed_at_a_named_line_counts_once(on_sqlite: Shopping, point: str, passes: int) -> None:
    shopping, product, name = on_sqlite, on_sqlite.product, point.partition(":")[0]
    operation, before = refused(shopping), entries(shopping, "resume")
    product.stop(name)
    product.start(name, point, passes)
    failures: list[BaseException] = []

    def act() -> None:
        try:
            try_again(shopping, operation, f"{point}-{passes}")
        except BaseException as failure:
            failures.append(failure)

    people = threading.Thread(target=act, daemon=True)
    people.start()
    product.wait_for_death(name)
    if name == "bridge":
        product.lapse_lease()
    assert product.start(name) < READY_SECONDS
    people.join()
    assert failures == []
    shopping.assert_sound()
    assert entries(shopping, "resume") == before + 1
