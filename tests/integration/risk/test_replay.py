"""What was decided is decided again by the same rules, otherwise by a draft; the past stays as it is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.cli import main
from ledger_service.kernel.errors import DomainError
from ledger_service.risk.models import risk_decision, risk_tally
from ledger_service.risk.pruning import KEPT_DAYS, forget
from ledger_service.risk.replaying import replay, stored_decisions
from ledger_service.risk.rules import Outcome
from tests.integration.checkout.shop import GROCER, START

from .guarded import GuardedShop, rule

SPENDS = rule("spends", "velocity", "refuse", "spend", count="spends", window_seconds=86_400, most=2)
ASK = rule("ask", "amount", "step_up", "spend", most=150)
LATE = rule("late", "dormant", "hold", "spend", seconds=5 * 86_400)
OWN = rule("own", "own_card", "hold", "sale")


def live(shop: GuardedShop) -> None:
    """A fortnight of a member that is now allowed, now asked, now held, now refused."""
    phone = shop.enrol()
    shop.staff("anna", phone)
    shop.earn(phone, 500_000)
    shop.rule(SPENDS, ASK, LATE, OWN)
    for number in range(14):
        shop.clock.forward(hours=20 if number != 9 else 24 * 9)
        for points in (100, 200, 50):
            shop.clock.forward(minutes=1)
            try:
                shop.pay(phone, 1_000, [{"programme": "GROC", "points": points}])
            except DomainError:
                continue
        shop.clock.forward(minutes=1)
        sold = shop.earn(phone, 1_000, cashier="anna" if number % 3 else "bert")
        shop.clock.forward(minutes=1)
        if number % 4 == 0:
            shop.refund(sold["sale_id"])


def test_the_same_rules_say_the_same_again(shop: GuardedShop) -> None:
    live(shop)
    sets = shop.rules.current().in_force(GROCER, int(shop.clock.at.timestamp()))
    with shop.database.snapshot() as conn:
        again = list(replay(sets, stored_decisions(conn, START - timedelta(days=1), shop.clock.at)))
    assert {one.stored.outcome for one in again} == set(Outcome)
    assert [one.outcome for one in again] == [one.stored.outcome for one in again]
    with shop.database.read() as conn:
        stored = {row.decision_id: json.loads(row.hits) for row in conn.execute(select(risk_decision))}
    for one in again:
        hits = stored[one.stored.decision_id]
        assert [(h.code, h.actual, h.limit) for h in one.hits] == [
            (h["rule"], h["actual"], h["limit"]) for h in hits
        ]


def test_a_draft_is_tried_from_the_command_line_and_changes_nothing(
    shop: GuardedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    live(shop)
    monkeypatch.setenv("ALLIANCE_DATABASE_URL", shop.database.url.render_as_string(hide_password=False))
    monkeypatch.setattr("ledger_service.cli.risk.background_clock", lambda *_: shop.clock)
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps([{**ASK, "most": 10}]))
    before = shop.decisions()
    assert main(["risk", "replay", "--rules", str(draft)]) == 0
    said = capsys.readouterr().out
    assert f"{len(before)} acts judged" in said
    assert "refuse, then step_up" in said
    assert main(["risk", "replay"]) == 0
    assert ", then " not in capsys.readouterr().out
    assert shop.decisions() == before
    draft.write_text("[{}]")
    assert main(["risk", "replay", "--rules", str(draft)]) == 2
    assert main(["risk", "replay", "--days", "0"]) == 1


def test_allowances_are_forgotten_after_months_and_members_never(shop: GuardedShop) -> None:
    live(shop)
    shop.rule(rule("per-till", "velocity", "refuse", "sale", per="terminal", count="sales",
                   window_seconds=900, most=9))  # fmt: skip
    shop.earn(shop.enrol(), 100)
    later = shop.clock.at + timedelta(days=KEPT_DAYS, seconds=1)
    with shop.database.begin() as conn:
        while forget(conn, later, 10) == 10:
            pass
    kept = {outcome for outcome, _ in shop.decisions()}
    assert kept == {"step_up", "hold", "refuse"}
    with shop.database.read() as conn:
        subjects = set(conn.execute(select(risk_tally.c.subject)).scalars())
    assert subjects
    assert all("/m:" in one for one in subjects)
