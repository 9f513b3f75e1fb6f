"""The operator's steps of a period over HTTP, and what the bridge makes of words that it cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from ledger_service.api.administration import Administration
from ledger_service.bootstrap.agreeing import Agreement, Standing
from ledger_service.bootstrap.answering import settlement_acts
from ledger_service.bootstrap.standings import StandingReader
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import AdminRefused, ChainUnavailable, CloseNotFinal
from ledger_service.chain.settlement_office import HeldOut, Round
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.settlement_words import Decided
from ledger_service.settlement import agreed_words
from ledger_service.settlement.errors import NoSuchPair, SettlementNotOffered
from tests.api.service import FUEL, GROCER, Shop
from tests.api.test_settlement import PERIODS, THIRD, published, settled

STEPS: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("publication", {"answer_days": 10}, ("publish", 1, 10)),
    ("netting", {}, ("net", 1)),
    ("payments", {"payouts": [2, 0, 2], "evidence": "cd" * 32}, ("paid", 1, (0, 2), b"\xcd" * 32)),
]


def test_the_operator_publishes_nets_and_marks_as_paid_each_once(shop: Shop) -> None:
    settled(shop)
    for path, body, act in STEPS:
        first = shop.post("operator", f"{PERIODS}/1/{path}", body, key=path)
        assert (first.status_code, shop.registry.acts[-1]) == (201, act)
        count = len(shop.registry.acts)
        assert shop.post("operator", f"{PERIODS}/1/{path}", body, key=path).json == first.json
        assert len(shop.registry.acts) == count


def test_steps_of_others_of_unknown_periods_and_without_a_desk_reach_no_chain(shop: Shop) -> None:
    settled(shop)
    before = list(shop.registry.acts)
    for path, body, _ in STEPS:
        for who in ("grocer", "auditor", "grocer-till"):
            assert shop.post(who, f"{PERIODS}/1/{path}", body).json["code"] == "scope-missing"
        assert shop.post("operator", f"{PERIODS}/9/{path}", body).json["code"] == "settlement-period-unknown"
        shop.registry.refusal = SettlementNotOffered()
        assert shop.post("operator", f"{PERIODS}/1/{path}", body).json["code"] == "settlement-not-offered"
    wrong = {"payouts": [256], "evidence": "cd" * 32}
    assert shop.post("operator", f"{PERIODS}/1/payments", wrong).json["code"] == "malformed-field"
    assert shop.registry.acts == before


HELD = {"debtor": GROCER, "creditor": FUEL, "pay_micros": "3"}


def _says(shop: Shop, who: str, merchant: str, **more: str) -> dict[str, Any]:
    body = {"merchant": merchant, **HELD, **more}
    return dict(shop.post(who, f"{PERIODS}/1/resolutions", body).json)


def test_a_dispute_is_decided_once_both_have_said_the_same(any_shop: Shop) -> None:
    published(any_shop)
    assert _says(any_shop, "grocer", GROCER, pay_micros="4")["agreed"] is False
    assert _says(any_shop, "fuel", FUEL)["agreed"] is False
    assert any_shop.registry.acts[-1][0] != "resolve"
    assert _says(any_shop, "grocer", GROCER)["agreed"] is True
    words = tuple(int(merchant).to_bytes(65, "big") for merchant in (GROCER, FUEL))
    decided = Decided(1, int(GROCER), int(FUEL), 3)
    assert any_shop.registry.acts[-1] == ("resolve", decided, words)
    signed = {"signature": "0x" + "02" * 65}
    assert _says(any_shop, "operator", FUEL, **signed)["agreed"] is True
    assert any_shop.registry.acts[-1] == ("resolve", decided, (words[0], b"\x02" * 65))


BOARD = {**HELD, "evidence": "cd" * 32}


def test_the_board_s_decision_is_announced_and_asked_for_again_made(any_shop: Shop) -> None:
    published(any_shop)
    path, due = f"{PERIODS}/1/arbitrations", parse_instant("2017-03-01T00:00:00Z", "due")
    any_shop.registry.due = seconds_floor(due)
    first = any_shop.post("operator", path, BOARD, key="a")
    assert (first.status_code, first.json["decided"]) == (201, False)
    assert first.json["due"] == "2017-03-01T00:00:00Z"
    any_shop.registry.due = 0
    assert any_shop.post("operator", path, BOARD, key="a").json == first.json
    made = any_shop.post("operator", path, BOARD, key="b").json
    assert (made["decided"], made["due"], made["pay_micros"]) == (True, None, "3")
    asked = [act for act in any_shop.registry.acts if act[0] == "arbitrate"]
    assert [act[1:3] for act in asked] == [(Decided(1, int(GROCER), int(FUEL), 3), b"\xcd" * 32)] * 2
    assert asked[0][3] != asked[1][3], "each asking is an act of its own"
    swapped = {**BOARD, "debtor": FUEL, "creditor": GROCER}
    assert any_shop.post("operator", path, swapped).json["code"] == "settlement-no-such-dispute"
    for who in ("grocer", "auditor", "grocer-till"):
        assert any_shop.post(who, path, BOARD).json["code"] == "scope-missing"


def test_of_two_words_said_at_once_the_later_one_sees_both(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(shop)
    apply, said = Administration.apply, Decided(1, int(GROCER), int(FUEL), 3)

    def fuel_says(conn: Connection) -> dict[str, Any]:
        agreed_words.note(conn, said, int(FUEL), b"\2" * 65, parse_instant(shop.at, "at"))
        return {}

    def meanwhile(administration: Administration, action: Any) -> None:
        apply(administration, action)
        apply(administration, fuel_says)

    monkeypatch.setattr(Administration, "apply", meanwhile)
    assert _says(shop, "grocer", GROCER)["agreed"] is True


@pytest.mark.parametrize(
    ("who", "change", "code"),
    [
        ("fuel", {"merchant": GROCER}, "not-yours"),
        ("operator", {"merchant": GROCER}, "not-yours"),
        ("third", {"merchant": THIRD}, "malformed-field"),
        ("grocer", {"merchant": GROCER, "pay_micros": "0.5"}, "malformed-field"),
        ("grocer", {"merchant": GROCER, "debtor": FUEL, "creditor": GROCER}, "settlement-no-such-dispute"),
    ],
)
def test_words_of_others_and_on_nothing_held_are_not_kept(
    shop: Shop, who: str, change: dict[str, str], code: str
) -> None:
    published(shop)
    body = {**HELD, **change}
    assert shop.post(who, f"{PERIODS}/1/resolutions", body).json["code"] == code
    assert shop.post(who, f"{PERIODS}/2/resolutions", body).json["code"] in (code, "period-not-published")
    assert _says(shop, "fuel", FUEL)["agreed"] is False


class _Refusing:
    """An agreement whose every step meets one refusal."""

    def __init__(self, refusal: DomainError) -> None:
        self.refusal = refusal

    def relay_dispute(self, *_: Any) -> None:
        raise self.refusal

    def publish(self, *_: Any) -> None:
        raise self.refusal


def _reader(agreement: _Refusing) -> StandingReader:
    return StandingReader(cast(Agreement, agreement), cast(Desk, None))


def test_a_word_on_a_line_that_is_none_is_refused_and_does_not_stop_the_bridge() -> None:
    told = {"period": 1, "pair": [int(GROCER), int(FUEL)], "merchant": int(FUEL), "held": "5",
            "evidence": "cd" * 32, "by": "01" * 65}  # fmt: skip
    strange = settlement_acts(_reader(_Refusing(NoSuchPair(1, GROCER, FUEL))))
    with pytest.raises(AdminRefused):
        strange["settle-dispute"](told)
    early = settlement_acts(_reader(_Refusing(CloseNotFinal(1, 9, 8))))
    with pytest.raises(AdminRefused):
        early["settle-publish"]({"period": 1, "days": 10})
    away = settlement_acts(_reader(_Refusing(ChainUnavailable("eth_call", "away"))))
    with pytest.raises(ChainUnavailable):
        away["settle-publish"]({"period": 1, "days": 10})


class _Deciding:
    """A desk on chain on which a dispute is decided, which leaves the period's round as it is."""

    def __init__(self) -> None:
        self.open = True
        self.defaults = frozenset[int]()

    def round(self, _period: int) -> Round:
        return Round(b"\1" * 32, 100, 2, 0, bytes(32), bytes(32), 0, 3, 0)

    def standing(self, period: int) -> Standing:
        members, pair = [int(GROCER), int(FUEL)], (int(GROCER), int(FUEL))
        nets = dict.fromkeys(members, 0)
        return Standing(period, self.round(period), members, nets, nets, [], {pair: HeldOut(5, 9, self.open)})

    def relay_resolution(self, *_: Any) -> None:
        self.open = False

    def arbitrate(self, decided: Decided, evidence: bytes) -> int:
        assert (decided, evidence) == (Decided(1, int(GROCER), int(FUEL), 5), b"\xcd" * 32)
        self.open, due = False, 77 if self.open else 0
        return due

    def last_published(self) -> int:
        return 1

    def in_default(self) -> frozenset[int]:
        return self.defaults

    @contextmanager
    def read(self) -> Iterator[Any]:
        found = SimpleNamespace(scalar_one_or_none=lambda: 7)
        yield SimpleNamespace(execute=lambda _query: found)

    write = read


def test_a_decided_dispute_is_shown_as_decided_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    noted = "ledger_service.chain.standings.note"
    monkeypatch.setattr(noted, lambda *said: told.append(said[-1]["disputes"][0]["open"]))
    desk = _Deciding()
    reader = StandingReader(cast(Agreement, desk), cast(Desk, desk))
    reader.look_again(1)
    act = {"period": 1, "pair": [int(GROCER), int(FUEL)], "pay": "5", "by": ["01" * 65, "02" * 65]}
    settlement_acts(reader)["settle-resolve"](act)
    assert told == [True, False]
    desk.open, board = True, {**act, "evidence": "cd" * 32}
    assert settlement_acts(reader)["settle-arbitrate"](board) == {"due": 77}
    assert settlement_acts(reader)["settle-arbitrate"](board) == {"due": 0}


def test_a_default_is_shown_although_the_period_s_round_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr("ledger_service.chain.standings.note", lambda *said: told.append(said[1]))
    desk = _Deciding()
    reader = StandingReader(cast(Agreement, desk), cast(Desk, desk))
    for defaults in (frozenset[int](), frozenset[int](), frozenset({int(GROCER)})):
        desk.defaults = defaults
        reader._look_at_all(7, 1)
    assert told == [1, 1]
