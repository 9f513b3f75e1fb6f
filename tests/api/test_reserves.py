"""Reserves and the close of a period over HTTP: who may ask for what, once; and what the bridge is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert

from ledger_service.api.endpoints.reserves import ReservesDoor
from ledger_service.bootstrap.governance import Act, ask
from ledger_service.chain.errors import AdminRefused, ChainUnavailable, PeriodNotDrained
from ledger_service.db.models import chain_reserve
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.reserve_wishes import (
    KINDS,
    BringFigure,
    Cure,
    DeclareDefault,
    NameCustodian,
    Refresh,
    Require,
    Wish,
    kind_of,
    payload_of,
    wish_of,
)
from tests.api.service import FUEL, GROCER, NOON, Shop
from tests.api.test_coverage import VALUE, now_of, told
from tests.api.test_settlement import PERIODS, settled

RESERVE = f"/v1/settlement/reserves/{GROCER}"
SINCE = "2026-03-20T12:00:00Z"
AT = seconds_floor(parse_instant(SINCE, "at"))
SIGNED, ADDRESS = "0x" + "02" * 65, "0x" + "0a" * 20
BY = b"\2" * 65
GLN = int(GROCER)
_FIGURE = {"reserve_micros": "7000000", "as_of": SINCE, "sequence": 3, "signature": SIGNED}
WISHES: list[tuple[str, str, dict[str, Any], Wish]] = [
    ("grocer", "custodian", {"address": ADDRESS}, NameCustodian(GLN, b"\x0a" * 20, b"")),
    ("operator", "custodian", {"address": ADDRESS, "signature": SIGNED},
     NameCustodian(GLN, b"\x0a" * 20, BY)),
    ("grocer", "figures", _FIGURE, BringFigure(GLN, 7_000_000, AT, 3, BY)),
    ("grocer", "refreshes", {}, Refresh(GLN)),
    ("operator", "requirements", {"required_bps": 8_000, "effective_from": SINCE}, Require(GLN, 8_000, AT)),
    ("operator", "defaults", {"effective_from": SINCE, "evidence": "cd" * 32},
     DeclareDefault(GLN, AT, b"\xcd" * 32)),
]  # fmt: skip


def test_each_wish_reaches_the_bridge_once(shop: Shop) -> None:
    for who, path, body, wish in WISHES:
        key = f"{who}-{path}"
        first = shop.post(who, f"{RESERVE}/{path}", body, key=key)
        assert (first.status_code, shop.registry.acts[-1]) == (201, ("reserve", wish)), first.json
        count = len(shop.registry.acts)
        assert shop.post(who, f"{RESERVE}/{path}", body, key=key).json == first.json
        assert len(shop.registry.acts) == count


def test_what_is_wished_is_read_back_as_it_was_written_down() -> None:
    wishes = [wish for *_, wish in WISHES] + [Cure(GLN, AT, b"\xcd" * 32)]
    assert {kind_of(wish) for wish in wishes} == set(KINDS)
    for wish in wishes:
        assert wish_of(kind_of(wish), {**payload_of(wish), "at": 5}) == wish


@pytest.mark.parametrize(
    ("who", "path", "change", "code"),
    [
        ("fuel", "figures", {}, "not-yours"),
        ("fuel", "custodian", {}, "not-yours"),
        ("operator", "custodian", {}, "not-yours"),
        ("grocer", "requirements", {}, "scope-missing"),
        ("grocer", "defaults", {}, "scope-missing"),
        ("grocer", "cures", {"evidence": "cd" * 32}, "scope-missing"),
        ("auditor", "refreshes", {}, "scope-missing"),
        ("operator", "cures", {"evidence": "cd" * 32}, "not-in-default"),
        ("grocer", "figures", {"as_of": "1960-01-01T00:00:00Z"}, "malformed-field"),
        ("grocer", "figures", {"reserve_micros": "-1"}, "malformed-field"),
        ("grocer", "figures", {"sequence": 0}, "malformed-field"),
        ("operator", "requirements", {"required_bps": 65_536}, "malformed-field"),
    ],
)
def test_words_of_others_and_odd_ones_reach_no_chain(
    shop: Shop, who: str, path: str, change: dict[str, Any], code: str
) -> None:
    before = list(shop.registry.acts)
    bodies = {path: body for _, path, body, _ in reversed(WISHES)}
    answer = shop.post(who, f"{RESERVE}/{path}", {**bodies.get(path, {}), **change})
    assert (answer.json["code"], shop.registry.acts) == (code, before)


def test_amounts_are_the_merchant_s_own_and_a_default_is_cured_by_its_instant(any_shop: Shop) -> None:
    shop, now = any_shop, now_of(any_shop)
    told(shop, now)
    for who in ("grocer", "operator", "auditor"):
        found = shop.get(who, RESERVE).json
        assert (found["figure_micros"], found["outstanding_micros"]) == (str(500 * VALUE), str(1_000 * VALUE))
        assert (found["coverage_bps"], found["required_bps"], found["default_from"]) == (5_000, 6_000, None)
    assert shop.get("fuel", RESERVE).json["code"] == "not-yours"
    none = shop.get("operator", f"/v1/settlement/reserves/{GROCER[:-1]}0").json
    assert none["code"] == "malformed-field"
    told_default(shop, now + 60)
    shop.must("operator", f"{RESERVE}/cures", {"evidence": "cd" * 32})
    assert shop.registry.acts[-1] == ("reserve", Cure(GLN, now + 60, b"\xcd" * 32))


def told_default(shop: Shop, since: int, block: int = 9) -> None:
    """The chain tells of a default of the grocer's; 0: of none any more."""
    row = {"merchant": GLN, "block_number": block, "log_index": 0, "reserve_micros": 0, "as_of": 0,
           "stale_from": 0, "required_bps": 0, "default_from": since}  # fmt: skip
    with shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(chain_reserve).values(row))


def test_a_cure_whose_answer_was_lost_is_found_done_though_the_default_is_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def late(wish: Wish, name: str) -> None:
        names.append(name)
        raise ChainUnavailable("operator act", name)

    told_default(shop, AT)
    monkeypatch.setattr(shop.registry, "reserve", late)
    asked = {"path": f"{RESERVE}/cures", "body": {"evidence": "cd" * 32}, "key": "again"}
    assert shop.post("operator", **asked).json["code"] == "chain-unavailable"
    monkeypatch.undo()
    cure = Cure(GLN, AT, b"\xcd" * 32)
    told_default(shop, 0, block=10)
    with shop.serving.foundations.database.begin() as conn:
        ask(conn, f"{kind_of(cure)}:{names[0]}", Act(kind_of(cure), names[0], payload_of(cure)), NOON)
    assert shop.post("operator", **asked).status_code == 201
    assert shop.registry.acts[-1] == ("reserve", cure)
    assert shop.post("operator", **{**asked, "key": "new"}).json["code"] == "not-in-default"


def test_without_a_desk_nothing_is_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    done = ReservesDoor._done
    without = lambda door, call, wish: done(replace(door, offered=False), call, wish)  # noqa: E731
    monkeypatch.setattr(ReservesDoor, "_done", without)
    before = list(shop.registry.acts)
    assert shop.post("grocer", f"{RESERVE}/refreshes", {}).json["code"] == "reserves-not-offered"
    assert shop.registry.acts == before


def test_the_operator_closes_the_open_period_and_a_closed_one_stays_so(shop: Shop) -> None:
    settled(shop)
    for number in (2, 1):
        assert shop.post("operator", f"{PERIODS}/{number}/closing", {}, key=str(number)).status_code == 201
        assert shop.registry.acts[-1] == ("close", number)
    count = len(shop.registry.acts)
    assert shop.post("operator", f"{PERIODS}/3/closing", {}).json["code"] == "settlement-period-unknown"
    assert shop.post("grocer", f"{PERIODS}/2/closing", {}).json["code"] == "scope-missing"
    for refusal, code in ((PeriodNotDrained(2, 5), "period-not-drained"),
                          (AdminRefused("close", "no"), "chain-admin-refused")):  # fmt: skip
        shop.registry.refusal = refusal
        assert shop.post("operator", f"{PERIODS}/2/closing", {}, key=code).json["code"] == code
    assert len(shop.registry.acts) == count
    assert shop.post("fuel", f"{RESERVE.replace(GROCER, FUEL)}/refreshes", {}).status_code == 201
