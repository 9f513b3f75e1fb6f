"""Who may call what: every function of the contracts, by every kind of caller, and the documented table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.artifacts import access, load, type_of
from tests.contracts.alliance import Alliance
from tests.contracts.evm import Reverted
from tests.contracts.parties import DAY, MANAGER, REGISTRY, ROLE_HOLDERS, STRANGER
from tests.contracts.refusals import refused, told

DOCUMENT = Path(__file__).parents[2] / "docs" / "contracts-access.md"
BY_SIGNATURE = {"AllianceRegistry": {"rotateKeys", "publishTerms", "publishPairTerms", "publishBasis",
                                      "publishConversion", "announceWindDown"}}  # fmt: skip
BY_TIME = {"AllianceRegistry": {"completeRecovery"}}
BY_ANYBODY = {"SettlementDesk": {"enlist"}, "ReserveDesk": {"refresh"}}
BY_SETTLEMENT_KEY = {"SettlementDesk": {"confirm", "dispute", "resolve"}}
BY_CUSTODIAN = {"ReserveDesk": {"bring"}}
BY_HOUSE = {
    "AlliancePoints": {
        "issueBatch",
        "restoreBatch",
        "redeemBatch",
        "clawBackBatch",
        "expireBatch",
        "giftBatch",
    },
    "CampaignDesk": {"take"},
}
ONCE = {"AlliancePoints": {"initialize"}}
BY_MEMBER = {"RecoveryDesk": {"object"}}
# What ERC-1155 and ERC-2135 have and nobody can do here.
RESTRICTED_BY_PROFILE = {
    "AllianceCoupons": {"safeTransferFrom", "safeBatchTransferFrom", "setApprovalForAll", "consume"}
}
BY_AUTHORITY = {
    "AllianceRegistry": {"setAuthority"}, "ClearingHouse": {"setAuthority"}, "RecoveryDesk": {"setAuthority"},
    "SettlementDesk": {"setAuthority"}, "ReserveDesk": {"setAuthority"},
    "AllianceCoupons": {"setAuthority"}, "ItemRegistry": {"setAuthority"},
    "CampaignDesk": {"setAuthority"}, "TransparencyLog": {"setAuthority"},
}  # fmt: skip
OTHERS = (BY_SIGNATURE, BY_TIME, BY_ANYBODY, BY_SETTLEMENT_KEY, BY_CUSTODIAN, BY_HOUSE, ONCE, BY_MEMBER,
          BY_AUTHORITY, RESTRICTED_BY_PROFILE)  # fmt: skip
RESTRICTED = [(c, f, role) for c, functions in access.FUNCTION_ROLES.items() for f, role in functions.items()]


def writing_functions(contract: str) -> set[str]:
    return {
        e["name"] for e in load(contract).abi
        if e["type"] == "function" and e["stateMutability"] in ("nonpayable", "payable")
    }  # fmt: skip


def zero(type_: str) -> Any:
    if type_.endswith("[]"):
        return []
    if type_.startswith("("):
        return [zero(t) for t in type_[1:-1].split(",")]
    return {"address": bytes(20), "string": "", "bytes": b"", "bytes32": bytes(32)}.get(type_, 0)


def blank_call(contract: str, function: str) -> bytes:
    entry = next(e for e in load(contract).abi if e["type"] == "function" and e["name"] == function)
    return load(contract).call_data(function, *(zero(type_of(p)) for p in entry["inputs"]))


@pytest.mark.parametrize(
    "contract",
    [
        "AllianceRegistry", "AlliancePoints", "ClearingHouse", "RecoveryDesk", "SettlementDesk", "ReserveDesk",
        "AllianceCoupons", "ItemRegistry", "CampaignDesk", "TransparencyLog",
    ],
)
def test_every_writing_function_has_a_place_in_the_table(contract: str) -> None:
    known = set(access.FUNCTION_ROLES.get(contract, {})).union(
        *(group.get(contract, set()) for group in OTHERS)
    )
    assert writing_functions(contract) | RESTRICTED_BY_PROFILE.get(contract, set()) == known


@pytest.mark.parametrize(("contract", "function", "role"), RESTRICTED)
def test_a_function_is_refused_to_all_but_its_role(
    alliance: Alliance, contract: str, function: str, role: access.Role
) -> None:
    address, data = alliance.address_of(load(contract)), blank_call(contract, function)
    for other, caller in {**ROLE_HOLDERS, None: STRANGER}.items():
        if other is not role:
            with refused("AccessManagedUnauthorized", caller):
                alliance.evm.send(caller, address, data)
    if role is access.Role.ADMIN:
        with refused("AccessManagerNotScheduled"):
            alliance.evm.send(ROLE_HOLDERS[role], address, data)
        return
    try:
        alliance.evm.send(ROLE_HOLDERS[role], address, data)
    except Reverted as error:
        refusal = told(error.data)[0]
        if refusal.startswith("AccessManage"):
            pytest.fail(refusal)


@pytest.mark.parametrize(
    "contract",
    [
        "AllianceRegistry", "ClearingHouse", "RecoveryDesk", "SettlementDesk", "ReserveDesk", "AllianceCoupons",
        "ItemRegistry", "CampaignDesk", "TransparencyLog",
    ],
)
def test_the_authority_is_changed_through_the_access_manager_alone(alliance: Alliance, contract: str) -> None:
    address, data = (
        alliance.address_of(load(contract)),
        load(contract).call_data("setAuthority", alliance.points),
    )
    for caller in (*ROLE_HOLDERS.values(), STRANGER):
        with refused("AccessManagedUnauthorized", caller):
            alliance.evm.send(caller, address, data)
    for authority, error in ((STRANGER, "AccessManagedInvalidAuthority"), (alliance.points, None)):
        call = MANAGER.call_data("updateAuthority", address, authority)
        if error:
            with refused(error, authority):
                _as_admin(alliance, call)
        else:
            _as_admin(alliance, call)
    assert alliance.ask(load(contract), "authority")[0] == alliance.points


def _as_admin(alliance: Alliance, call: bytes) -> None:
    admin = ROLE_HOLDERS[access.Role.ADMIN]
    alliance.evm.send(admin, alliance.manager, MANAGER.call_data("schedule", alliance.manager, call, 0))
    alliance.evm.now += access.EXECUTION_DELAY_SECONDS[access.Role.ADMIN]
    alliance.evm.send(admin, alliance.manager, call)


def test_what_the_admin_does_waits_two_days_in_the_open(alliance: Alliance) -> None:
    data = REGISTRY.call_data("setCustodialLimits", 1, 2)
    admin = ROLE_HOLDERS[access.Role.ADMIN]
    alliance.evm.send(admin, alliance.manager, MANAGER.call_data("schedule", alliance.registry, data, 0))
    alliance.evm.now += 2 * DAY - 1
    with refused("AccessManagerNotReady"):
        alliance.evm.send(admin, alliance.registry, data)
    alliance.evm.now += 1
    alliance.evm.send(admin, alliance.registry, data)
    assert alliance.ask(REGISTRY, "custodialLimits")[0] == (1, 2)


def documented_rows() -> set[tuple[str, str, str]]:
    rows = [line.split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    return {(r[1].strip(" `"), r[2].strip(" `"), r[3].strip()) for r in rows}


def test_the_documented_table_is_the_one_in_force() -> None:
    expected = {(c, f, role.name) for c, f, role in RESTRICTED}
    for words, group in (
        ("merchant's admin key", BY_SIGNATURE), ("anybody, when due", BY_TIME),
        ("ClearingHouse in force", BY_HOUSE), ("a signer of the account, through anybody", BY_MEMBER),
        ("anybody", BY_ANYBODY), ("merchant's custodian, through anybody", BY_CUSTODIAN),
        ("merchant's settlement key, through anybody", BY_SETTLEMENT_KEY), ("registry, once", ONCE), ("AccessManager", BY_AUTHORITY),
        ("nobody", RESTRICTED_BY_PROFILE),
    ):  # fmt: skip
        expected |= {(c, f, words) for c, functions in group.items() for f in functions}
    assert documented_rows() == expected
