"""The drill with the real processes: another ClearingHouse follows the one in force, killed between steps."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.chain.models import chain_alarm, chain_step
from ledger_service.cli import house
from ledger_service.db.models import alliance
from ledger_service.demo.stack import SetupFailed
from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.ledger.models import lot
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey
from ledger_service.points.models import programme
from tests import warm
from tests.api.service import basket
from tests.operations.installation import GROCER, STORE, Installation, wait_until

BEGUN = "2017-03-01T12:00:00Z"
INACTIVITY = "/v1/programmes/GROC/inactivity"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path, {"ALLIANCE_REPLAY": "1"})
    try:
        made.found("--at", BEGUN)
        yield made
    finally:
        made.close()


def steps_taken(product: Installation) -> int:
    with product.database() as database, database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(chain_step)).scalar_one())


def migrate(product: Installation, former: str, status: int = house.MORE_TO_DO) -> str:
    return warm.run_command(product.environment, "house", "migrate", "--from", former, good=(status,))


def allow_creation(product: Installation, former: str) -> None:
    """What the command asks custody for is allowed, as the operator does it by hand."""
    allowed = re.search(r"allow-house (0x[0-9a-f]{64})", migrate(product, former))
    assert allowed is not None
    product.run("signer", "allow-house", allowed[1])


def killed_after_each_step(product: Installation, former: str, status: int) -> int:
    """The command is killed whenever it is seen to have stored a step, and run again until it ends; how often
    it was. Of two steps that follow each other fast, on a busy machine, one may go unseen.
    """
    kills, arguments = 0, ("house", "migrate", "--from", former)
    while True:
        before = steps_taken(product)
        with (product.state / "migrate.log").open("wb") as out:
            process = warm.start(
                "ledger_service", *arguments, env=product.whole_environment, out=out, err=out
            )
        while process.poll() is None and steps_taken(product) == before:
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        assert process.returncode == status, product.log("migrate")
        return kills


def spend(product: Installation, enrolled: dict[str, object]) -> None:
    """The member pays 40 minor units with points, by a code of 18 digits that custody signs for."""
    known = enrolled["devices"][0]["digits"]  # type: ignore[index]  # what the API answered
    now = parse_instant(product.run("clock").strip(), "clock")
    code = otp.digits_at(bytes.fromhex(known["secret"]), known["number"], seconds_floor(now))
    body = basket(STORE, 500, member={"pay_code": code}, spend={"max_value_minor": 40})
    product.must(product.till, "/v1/sales", body)


def house_of(product: Installation) -> tuple[str, list[str]]:
    facts = product.ask("GET", "/v1/alliance")[1]
    return facts["clearing_house"], facts["former_clearing_houses"]


def older_house(product: Installation) -> None:
    """As with a database whose house was created before there were extensions: none are to be had."""
    with product.database() as database, database.begin() as conn:
        conn.execute(update(alliance).values(extends=False))
    more = {"Authorization": f"Bearer {product.operator}", "Idempotency-Key": "inactivity"}
    status, problem = product.ask("POST", INACTIVITY, {"activities": ["earn"]}, **more)
    assert (status, problem["code"]) == (422, "house-takes-no-extensions")


def extend(product: Installation, number: str) -> str:
    """Two operators give the member's points a later end; returns the operation."""
    product.must(product.operator, INACTIVITY, {"activities": ["earn", "redeem"]})
    with product.database() as database:
        with database.read() as conn:
            epoch, points, code = conn.execute(
                select(lot.c.epoch, lot.c.available, programme.c.code)
                .join(programme, programme.c.programme_id == lot.c.programme_id)
                .where(lot.c.available > 0)
            ).first() or (0, 0, "")
        with database.begin() as conn:
            key, at = IssueKey("operator", "second"), parse_instant(BEGUN, "at")
            second = ApiKeys(SystemRandom()).issue(conn, None, key, at).token
    wish = {
        "member": number, "programme": code, "points": points, "reason": "extension", "note": "was ill",
        "funder": GROCER, "epoch": epoch, "into_epoch": epoch + 1,
    }  # fmt: skip
    asked = str(product.must(product.operator, "/v1/adjustments", wish)["adjustment"])
    product.must(second, f"/v1/adjustments/{asked}/decision", {"approve": True})
    return derive_id("adjust", bytes.fromhex(asked)).hex()


def start_again(product: Installation) -> None:
    product.kill("bridge")
    product.start_bridge("bridge")
    product.start("serve", ("serve",), product.serves)


def test_another_house_follows_and_everything_goes_on(product: Installation) -> None:
    enrolled = product.enrol()
    number = str(enrolled["number"])
    product.sell(number)
    spend(product, enrolled)
    product.assert_sound()
    former, before = house_of(product)
    assert before == []
    older_house(product)

    allow_creation(product, former)  # of the mover of accounts
    allow_creation(product, former)  # of the house
    assert killed_after_each_step(product, former, house.MORE_TO_DO) >= 3
    scheduled = migrate(product, former)
    assert "is scheduled" in scheduled

    product.sell(number)  # the service works until the day
    product.run("clock", "--days", "3")
    assert "stop `alliance serve`" in migrate(product, former)
    product.kill("serve")
    wait_until(product.drained, "not every operation is final")
    assert killed_after_each_step(product, former, 0) >= 3
    done = migrate(product, former, 0)
    following = scheduled.split()[0].lower()
    assert following in done.lower()

    start_again(product)
    assert house_of(product) == (following, [former])
    product.sell(number)
    spend(product, enrolled)
    extended = extend(product, number)
    product.assert_sound()
    assert product.get(product.operator, f"/v1/operations/{extended}/proof")["state"] == "final"
    assert "mirror = fresh index" in product.run("index")
    assert "comes out as recorded" in product.run("chain", "verify")
    with product.database() as database, database.read() as conn:
        assert conn.execute(select(chain_alarm.c.code)).all() == []
    with pytest.raises(SetupFailed, match="the alliance's ClearingHouse is"):
        product.run("house", "migrate", "--from", "0x" + "12" * 20)
