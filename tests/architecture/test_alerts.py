"""Alerts: each names metrics that exist and has a page that says what to do; no alarm is without a row."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ledger_service.api.metrics import GAUGES, LABELLED, Metrics
from ledger_service.chain.desk import MINING_HELD_BACK
from ledger_service.chain.errors import LyingNode, SendingKeyGone, WrongNetwork
from ledger_service.chain.failures import Failure
from ledger_service.cli import COMMANDS
from tests.architecture.syntax import modules
from tests.architecture.test_layout import text_of

RULES: list[dict[str, Any]] = yaml.safe_load(text_of("docs/alerts/alliance.rules.yml"))["groups"][0]["rules"]
BOOK = text_of("docs/runbooks.md")
PAGES = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=\n## |\Z)", BOOK, re.DOTALL | re.MULTILINE))
ROWS = set(re.findall(r"^\| `([a-z-]+)` \|", BOOK, re.MULTILINE))
PARTS = ("Symptom", "Meaning", "Do", "Do not")
# Alarms whose code is no literal where they are raised, and every code that can come of it.
COMPUTED = {
    "f'send-{failure.value}'": {f"send-{f.value}" for f in Failure}
    - {"send-already-known", "send-nonce-used"},
    "gone.code": {SendingKeyGone.code},
    "failure.code": {LyingNode.code, WrongNetwork.code},
    "MINING_HELD_BACK": {MINING_HELD_BACK},
    "alarm": {"operation-set-aside", "intent-unreadable"},  # Aside._put, by what is put there
    "code": set(),  # _park passes on what its callers name
}


def exported() -> str:
    readings: dict[str, Any] = {name: {"x": 1} if name in LABELLED else 1 for name in GAUGES}
    metrics = Metrics(lambda: readings, dict)
    metrics.request("GET", "/", 200, 0.1)
    return metrics.exposition().decode()


def raised() -> Iterator[tuple[str, ast.expr]]:
    """(file, code) of every call that raises an alarm."""
    places = {"raise_alarm": 2, "_park": 1}
    for path, tree in modules():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in places:
                yield str(path), call.args[places[name]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_reads_metrics_that_exist_and_its_page_says_what_to_do(rule: dict[str, Any]) -> None:
    text = exported()
    names = set(re.findall(r"\balliance_\w+", rule["expr"]))
    missing = {name for name in names if not re.search(rf"^{name}(\{{| )", text, re.MULTILINE)}
    assert not missing, f"/metrics does not export {missing}"
    assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{rule['alert'].lower()}"
    found = re.findall(r"^- \*\*([\w ]+)\.\*\* [\w`]", PAGES[rule["alert"]], re.MULTILINE)
    assert tuple(found) == PARTS
    assert rule["labels"]["severity"] in ("page", "warn")


def test_there_is_no_page_without_a_rule_and_every_gauge_that_warns_has_one() -> None:
    assert set(PAGES) == {rule["alert"] for rule in RULES}
    read = " ".join(rule["expr"] for rule in RULES)
    unread = {name for name in GAUGES if f"alliance_{name}" not in read}
    assert unread == {"outbox_queue_depth", "chain_lag_operations", "chain_last_batch"}


def test_every_alarm_that_the_code_raises_has_a_row_and_every_row_an_alarm() -> None:
    codes: set[str] = set()
    for path, code in raised():
        if isinstance(code, ast.Constant):
            codes.add(str(code.value))
        else:
            source = ast.unparse(code)
            assert source in COMPUTED, f"{path}: which codes can {source} be?"
            codes |= COMPUTED[source]
    assert len(codes) > 10
    assert codes == ROWS


def test_the_grave_alarms_of_the_rule_are_alarms() -> None:
    rule = next(rule for rule in RULES if rule["alert"] == "AllianceAlarmGrave")
    match = re.search(r'code=~"([^"]+)"', rule["expr"])
    assert match is not None
    assert set(match[1].split("|")) <= ROWS


def test_the_commands_that_the_pages_name_exist() -> None:
    named = set(re.findall(r"`alliance ([a-z-]+)", BOOK))
    assert {"bridge", "audit", "alarms"} <= named <= set(COMMANDS)
