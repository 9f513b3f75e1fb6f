"""API keys and roles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.merchants import rules
from ledger_service.merchants.errors import AnotherOperator, GrantTooWide, RoleUnfit, ScopeMissing

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


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
GROCER, FUEL = 9520001000010, 9520001000027
ALL = rules.ROLE_SCOPES


def giver(role: str, scopes: set[str] | None = None, expires_at: datetime | None = None) -> rules.Principal:
    """A key of a role, at the grocer where the role has a merchant, that may issue keys in any case."""
    merchant = GROCER if role in ("merchant", "cashier") else None
    given = ALL[role] | {"key:write"} if scopes is None else frozenset(scopes)
    kind = rules.SUBJECT_OF_ROLE[role]
    return rules.Principal("k", kind, "x", role, given, merchant, expires_at=expires_at)


NARROW = {"key:write", "quote"}
SOON, LATER = NOON + timedelta(hours=1), NOON + timedelta(hours=2)


def asked(
    role: str, scopes: set[str] | frozenset[str], merchant: int | None = None, until: datetime | None = None
) -> rules.Grant:
    return rules.Grant(role, "x", merchant, frozenset(scopes), until)


GRANTS = [
    # giver, what is asked for (role, scopes, at whom, until when), what of it is too wide (None: given)
    (giver("operator"), asked("operator", ALL["operator"]), None),
    (giver("operator"), asked("auditor", ALL["auditor"]), None),
    (giver("operator"), asked("merchant", ALL["merchant"], GROCER), None),
    (giver("operator"), asked("member", ALL["member"]), None),
    (giver("merchant"), asked("merchant", ALL["merchant"], GROCER), None),
    (giver("merchant"), asked("cashier", ALL["cashier"], GROCER, SOON), None),
    (giver("merchant", NARROW), asked("cashier", {"quote"}, GROCER), None),
    (giver("merchant", NARROW), asked("merchant", NARROW, GROCER), None),
    (giver("merchant", expires_at=LATER), asked("cashier", {"quote"}, GROCER, LATER), None),
    # More scopes than the giver has.
    (giver("merchant", {"key:write"}), asked("merchant", ALL["merchant"], GROCER), "authorise"),
    (giver("merchant", {"key:write"}), asked("cashier", {"quote"}, GROCER), "quote"),
    (giver("merchant", NARROW), asked("cashier", {"quote", "sell"}, GROCER), "sell"),
    (giver("operator", {"key:write"}), asked("operator", {"operate"}), "operate"),
    (giver("operator", {"key:write"}), asked("member", {"self:read"}), "self:read"),
    (giver("operator", {"key:write", "member:read"}), asked("member", {"self:read"}), None),
    (giver("operator", {"key:write", "member:read"}), asked("member", {"self:write"}), "self:write"),
    # Further than the giver reaches.
    (giver("merchant"), asked("merchant", {"quote"}, FUEL), "subject"),
    (giver("merchant"), asked("cashier", {"quote"}, FUEL), "subject"),
    (giver("merchant"), asked("cashier", {"quote"}), "subject"),
    (giver("merchant"), asked("operator", {"quote"}, GROCER), "role"),
    (giver("merchant"), asked("auditor", {"sale:read"}, GROCER), "role"),
    (giver("merchant"), asked("member", {"programme:read"}, GROCER), "role"),
    # Roles that give nothing, whatever their keys say.
    (giver("cashier"), asked("cashier", {"quote"}, GROCER), "role"),
    (giver("auditor"), asked("auditor", {"audit:read"}), "role"),
    (giver("member"), asked("member", {"self:read"}), "role"),
    (giver("operator"), asked("emperor", {"quote"}), "role"),
    # Longer than the giver lives.
    (giver("merchant", expires_at=SOON), asked("cashier", {"quote"}, GROCER), "expires_at"),
    (giver("merchant", expires_at=SOON), asked("cashier", {"quote"}, GROCER, LATER), "expires_at"),
]


@pytest.mark.parametrize(("key", "grant", "too_wide"), GRANTS)
def test_a_key_gives_away_what_it_has_itself_and_nothing_else(
    key: rules.Principal, grant: rules.Grant, too_wide: str | None
) -> None:
    if too_wide is None:
        rules.check_grant(key, grant)
        return
    with pytest.raises(GrantTooWide) as refused:
        rules.check_grant(key, grant)
    assert refused.value.part == too_wide


def test_a_key_that_may_issue_none_gives_nothing() -> None:
    with pytest.raises(ScopeMissing):
        rules.check_grant(giver("merchant", {"quote"}), asked("cashier", {"quote"}, GROCER))


def test_an_operator_gives_operator_keys_to_itself_only() -> None:
    for scopes in (ALL["operator"], frozenset({"quote"})):
        grant = rules.Grant("operator", "y", None, scopes, None)
        with pytest.raises(AnotherOperator):
            rules.check_grant(giver("operator"), grant)
        rules.check_grant(giver("operator"), replace(grant, subject_id="x"))
    rules.check_grant(giver("operator"), rules.Grant("auditor", "y", None, ALL["auditor"], None))
