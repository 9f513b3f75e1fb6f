"""API keys and roles."""

from __future__ import annotations

import pytest

from ledger_service.merchants import rules
from ledger_service.merchants.errors import RoleUnfit, ScopeMissing

SECRET = bytes(range(32))


def test_a_token_is_taken_apart_and_its_secret_only_kept_as_a_hash() -> None:
    token = rules.format_token("0123456789abcdef", SECRET)
    parsed = rules.parse_token(token)
    assert parsed is not None
    assert parsed.key_id == "0123456789abcdef"
    assert rules.same_secret(parsed.secret_hash, rules.hash_secret(SECRET))
    assert SECRET.hex() not in repr(parsed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alk_",
        "alk_0123456789abcdef",
        "ALK_0123456789abcdef_" + "0" * 64,
        "alk_0123456789abcdef_" + "0" * 63,
        "alk_0123456789abcdef_" + "0" * 65,
        "alk_0123456789ABCDEF_" + "0" * 64,
        " alk_0123456789abcdef_" + "0" * 64,
        "alk_0123456789abcdef_" + "0" * 64 + "\n",
        "Bearer x",
    ],
)
def test_what_is_no_token_of_ours_is_none(text: str) -> None:
    assert rules.parse_token(text) is None


def test_a_role_gives_its_scopes_or_a_part_of_them() -> None:
    assert rules.scopes_for("cashier", None) == rules.ROLE_SCOPES["cashier"]
    assert rules.scopes_for("cashier", frozenset({"quote"})) == {"quote"}


@pytest.mark.parametrize(
    ("role", "wanted"), [("king", None), ("cashier", frozenset({"operate"})), ("cashier", frozenset())]
)
def test_no_key_gets_a_scope_that_its_role_lacks(role: str, wanted: frozenset[str] | None) -> None:
    with pytest.raises(RoleUnfit):
        rules.scopes_for(role, wanted)


def test_an_operator_may_all_that_merchants_and_auditors_may_and_a_cashier_no_administration() -> None:
    scopes = rules.ROLE_SCOPES
    assert scopes["cashier"] < scopes["merchant"] < scopes["operator"]
    assert scopes["auditor"] < scopes["operator"]
    assert not any(scope.endswith(":write") for scope in scopes["cashier"] | scopes["auditor"])


def test_a_principal_knows_its_subject_and_refuses_other_scopes() -> None:
    till = rules.Principal("k", "terminal", "t1", "cashier", frozenset({"quote"}), 9, 5)
    assert till.subject == "terminal:t1"
    assert till.terminal_id == "t1"
    assert till.member_id is None
    till.require("quote")
    with pytest.raises(ScopeMissing):
        till.require("refund")
    assert rules.Principal("k", "member", "42", "member", frozenset()).member_id == 42
