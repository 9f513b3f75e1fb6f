"""Retries of refused operations over HTTP and in the operator's browser: two people, step-up, once."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from ledger_service.bootstrap.retrying import Retrying
from ledger_service.cli import set_aside
from ledger_service.kernel.clock import parse_instant
from ledger_service.outbox.models import intent
from ledger_service.points.retries.service import RetryDesk
from ledger_service.web.sessions import rules
from ledger_service.web.wording import words
from tests.api.offices import Browser, browser, chain_refuses
from tests.api.service import Shop, basket
from tests.api.test_administration import with_phone

PASSING = "MerchantSuspendedAt(0, 1, 2, 3)"
LIST = "/v1/chain/set-aside"


def refused_sale(shop: Shop, reason: str = PASSING) -> str:
    """The operation of a sale that the contract refused."""
    number = with_phone(shop)["number"]
    sold = shop.must("grocer-till", "/v1/sales", basket(member={"number": number}))
    operation: str = sold["operations"][0]
    chain_refuses(shop, [operation], reason)
    return operation


def state_of(shop: Shop, operation: str) -> str:
    with shop.serving.foundations.database.read() as conn:
        mine = select(intent.c.state).where(intent.c.op_id == bytes.fromhex(operation))
        return str(conn.execute(mine).scalar_one())


def second_of(shop: Shop) -> str:
    return shop.further_operator("second").token


def test_one_operator_asks_and_another_puts_it_to_the_chain_again(any_shop: Shop) -> None:
    shop = any_shop
    operation, second = refused_sale(shop), second_of(shop)
    here = f"{LIST}/{operation}"
    row = shop.get("auditor", LIST).json["set_aside"][0]
    assert (row["operation"], row["hopeless"], row["tries"], row["asked"]) == (operation, None, 0, None)
    asked = shop.must("operator", f"{here}/retries", {"note": "reinstated"}, key="a")
    assert shop.must("operator", f"{here}/retries", {"note": "reinstated"}, key="a") == asked
    again = shop.post(second, f"{here}/retries", {"note": "me too"})
    assert (again.status_code, again.json["code"]) == (409, "retry-asked")
    assert again.json["params"]["retry"] == asked["retry"]
    decision = f"{here}/retries/{asked['retry']}/decision"
    alone = shop.post("operator", decision, {"approve": True})
    assert (alone.status_code, alone.json["code"]) == (403, "second-person-needed")
    unknown = shop.post(second, f"{here}/retries/{'0' * 32}/decision", {"approve": True})
    assert (unknown.status_code, unknown.json["code"]) == (404, "retry-unknown")
    for _ in range(2):
        assert shop.must(second, decision, {"approve": True}, key="d")["state"] == "approved"
    assert state_of(shop, operation) == "queued"
    decided = shop.post(second, decision, {"approve": True})
    assert (decided.status_code, decided.json["code"]) == (409, "retry-decided")
    gone = shop.get("operator", here)
    assert (gone.status_code, gone.json["code"]) == (404, "operation-not-set-aside")
    chain_refuses(shop, [operation], PASSING)
    told = shop.get("auditor", here).json
    assert (told["tries"], told["asked"], len(told["retries"])) == (1, None, 1)
    assert (told["retries"][0]["note"], told["retries"][0]["decided_by"]) == ("reinstated", "operator:second")


def test_what_can_only_be_refused_again_is_not_tried_and_the_list_says_why(any_shop: Shop) -> None:
    shop = any_shop
    operation = refused_sale(shop, "NonceUsed(0, 0x00, 1)")
    assert shop.get("operator", LIST).json["set_aside"][0]["hopeless"] == "refused-for-good"
    told = shop.post("operator", f"{LIST}/{operation}/retries", {"note": "please"})
    assert (told.status_code, told.json["code"]) == (422, "retry-hopeless")
    assert told.json["params"]["reason"] == "refused-for-good"
    for who in ("auditor", "grocer", "grocer-till"):
        assert shop.post(who, f"{LIST}/{operation}/retries", {"note": "n"}).status_code == 403
    assert shop.post("operator", f"{LIST}/{operation}/retries", {"note": ""}).status_code == 400
    assert shop.post("operator", f"{LIST}/{'0' * 32}/retries", {"note": "n"}).status_code == 404


def test_commands_do_the_same_by_the_keys_of_two_operators(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    operation, database = refused_sale(shop), shop.serving.foundations.database
    files = tmp_path / "first", tmp_path / "second"
    for file, key in zip(files, (shop.keys["operator"], second_of(shop)), strict=True):
        file.write_text(key)
    clock = SimpleNamespace(now=lambda: parse_instant(shop.at, "at"))
    given = Retrying(database, RetryDesk(shop.serving.writer), clock)
    monkeypatch.setattr(set_aside, "opened_retrying", lambda _: nullcontext(given))

    def run(*words: object) -> tuple[int, str]:
        code = set_aside.main([str(word) for word in words])
        out, err = capfd.readouterr()
        told = (line for line in (out + err).splitlines(keepends=True) if not line.startswith("{"))
        return code, "".join(told)

    assert f"{operation} issue {PASSING} (may be tried again, tried 0 times)" in run("list")[1]
    code, retry = run("ask", operation, "--note", "reinstated", "--key", files[0])
    assert code == 0 and f"asked for by operator:op as {retry.strip()}" in run("list")[1]
    alone = run("approve", operation, retry.strip(), "--key", files[0])
    assert (alone[0], "second-person-needed" in alone[1]) == (1, True)
    assert run("approve", operation, retry.strip(), "--key", files[1]) == (0, "approved\n")
    assert (state_of(shop, operation), run("list")) == ("queued", (0, ""))
    assert run("ask", operation, "--note", "n", "--key", files[0])[0] == 1


@pytest.fixture
def operators(shop: Shop) -> tuple[Browser, Browser]:
    return browser(shop, "operator"), browser(shop, second_of(shop))


def test_the_screen_asks_for_the_key_and_says_what_was_done(
    shop: Shop, operators: tuple[Browser, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    operation, (ann, ben), said = refused_sale(shop), operators, words("en")
    here = f"/operator/set-aside/{operation}"
    assert here in ann.open("/operator/set-aside").text
    page = ann.open(here).text
    assert said["refused.MerchantSuspendedAt"] in page and said["aside.possible"] in page
    sent = {"deed": "ask-retry", "note": "恢復營業 reinstated"}
    asked = ann.send(f"{here}/retries", **sent)
    assert asked.location == ann.send(f"{here}/retries", **sent).location == f"{here}?done=ask-retry"
    retry = shop.get("operator", f"{LIST}/{operation}").json["asked"]["retry"]
    assert "恢復營業" in ben.open(here).text
    ann.open(here)
    assert ann.send(f"{here}/retries/{retry}/approval", deed="approve-retry").status_code == 403
    fresh = rules.FRESH
    monkeypatch.setattr(rules, "FRESH", timedelta(0))
    assert ben.send(f"{here}/retries/{retry}/approval").location.startswith("/enter?again=1")
    monkeypatch.setattr(rules, "FRESH", fresh)
    done = ben.send(f"{here}/retries/{retry}/approval", deed="approve-retry").location
    assert (done, state_of(shop, operation)) == ("/operator/set-aside?done=approve-retry", "queued")
    assert said["done.approve-retry"] in ben.open(done).text


def test_a_hopeless_one_has_a_reason_and_no_button(shop: Shop, operators: tuple[Browser, Browser]) -> None:
    operation, said = refused_sale(shop, "PermitExpired(0, 1, 2)"), words("en")
    page = operators[0].open(f"/operator/set-aside/{operation}").text
    assert said["hopeless.refused-for-good"] in page and said["refused.PermitExpired"] in unescape(page)
    assert said["deed.ask-retry"] not in page
