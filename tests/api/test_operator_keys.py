"""Operator keys that another operator gave out before that was refused: named, and ended by command."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger_service.api import administration
from ledger_service.bootstrap.foundations import SystemRandom
from ledger_service.bootstrap.operator_keys import GivenKey, keys_given_by_others
from ledger_service.cli import keys as command
from ledger_service.merchants import rules
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.merchants.requests import IssueKey
from tests.api.service import NOON, Shop

SECOND = {"role": "operator", "subject": "second"}


def later(shop: Shop, seconds: int) -> Shop:
    """The shop at another instant: writes at one instant are told apart by nothing."""
    at = NOON + timedelta(seconds=seconds)
    return replace(shop, at=at.isoformat().replace("+00:00", "Z"))


def given(shop: Shop) -> list[GivenKey]:
    with shop.serving.foundations.database.read() as conn:
        return keys_given_by_others(conn, NOON + timedelta(days=1))


@pytest.fixture
def early(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The answer that gave one operator the key of another, when nothing forbade it yet."""
    with monkeypatch.context() as before:
        before.setattr(rules, "check_grant", lambda *_: None)
        return dict(later(shop, 10).must("operator", "/v1/keys", SECOND))


def test_a_key_that_another_operator_gave_out_is_named_until_it_is_ended(
    shop: Shop, early: dict[str, Any]
) -> None:
    with shop.serving.foundations.database.begin() as conn:
        by_hand = IssueKey("operator", "third")
        ApiKeys(SystemRandom()).issue(conn, None, by_hand, NOON + timedelta(seconds=15))
    own = later(shop, 20).must("operator", "/v1/keys", {"role": "operator", "subject": "op"}, key="own")
    (found,) = given(shop)
    assert (found.key_id, found.operator, found.giver) == (early["key_id"], "operator:second", "operator:op")
    assert f"alliance keys revoke {early['key_id']}" in found.warning()
    later(shop, 30).must(own["token"], f"/v1/keys/{early['key_id']}/revoke", key="end")
    assert given(shop) == []


def test_rotation_does_not_wash_such_a_key(shop: Shop, early: dict[str, Any]) -> None:
    path = f"/v1/keys/{early['key_id']}/rotate"
    fresh = later(shop, 40).must(early["token"], path, {"overlap_seconds": 60}, key="turn")
    (found,) = [key for key in given(shop) if key.key_id == fresh["key_id"]]
    assert found.giver == "operator:op"


def test_a_sealed_answer_that_begins_like_a_clear_one_is_found_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(rules, "check_grant", lambda *_: None)
        before.setattr(administration.secrets, "token_bytes", lambda count: b"{" * count)
        later(shop, 10).must("operator", "/v1/keys", SECOND)
    assert [key.giver for key in given(shop)] == ["operator:op"]


def test_the_command_lists_every_operators_keys_warns_and_revokes(
    shop: Shop, early: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "settings_from_environment", lambda: shop.serving.foundations.settings)
    assert command.main(["list", "operator"]) == 0
    out, err = capsys.readouterr()
    assert f"{early['key_id']} operator active operator:second" in out
    assert "operator active operator:op" in out
    assert err.startswith("warning: operator:second has an operator key that operator:op")
    assert command.main(["revoke", early["key_id"]]) == 0
    assert command.main(["list", "operator", "second"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["revoked", f"{early['key_id']} operator revoked"]
    assert err == ""
