"""Who may call what: the roles of the AccessManager, and the calls that set a fresh deployment up.

``docs/contracts-access.md`` is checked against this table, and a test calls every function in every role.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ledger_service.chain.artifacts import load

DAY_SECONDS = 86_400


class Role(IntEnum):
    """Role numbers in the AccessManager; its ADMIN also manages the roles themselves."""

    ADMIN = 0
    OPERATOR = 1
    RELAYER = 2
    GUARDIAN = 3
    APPROVER = 4
    RESERVES = 5


FUNCTION_ROLES: dict[str, dict[str, Role]] = {
    "AllianceRegistry": {
        "admitMerchant": Role.OPERATOR,
        "suspendMerchant": Role.OPERATOR,
        "reinstateMerchant": Role.OPERATOR,
        "createProgramme": Role.OPERATOR,
        "appendEpochs": Role.OPERATOR,
        "proposeRecovery": Role.ADMIN,
        "setCustodialLimits": Role.ADMIN,
        "setClearingHouse": Role.ADMIN,
        "setIssuanceLimit": Role.RESERVES,
        "stateReserve": Role.RESERVES,
    },
    "ClearingHouse": {
        "submitBatch": Role.RELAYER,
        "moveAccounts": Role.RELAYER,
        "extendPoints": Role.RELAYER,
        "convertPoints": Role.RELAYER,
        "closePeriod": Role.OPERATOR,
        "pause": Role.GUARDIAN,
        "unpause": Role.GUARDIAN,
    },
    "RecoveryDesk": {
        "announce": Role.OPERATOR,
        "withdraw": Role.OPERATOR,
        "approve": Role.APPROVER,
        "veto": Role.GUARDIAN,
    },
    "SettlementDesk": {
        "publish": Role.OPERATOR,
        "settle": Role.OPERATOR,
        "markPaid": Role.OPERATOR,
        "arbitrate": Role.ADMIN,
    },
    "ReserveDesk": {
        "nameCustodian": Role.OPERATOR,
        "setRequirement": Role.OPERATOR,
        "declareDefault": Role.OPERATOR,
        "cure": Role.OPERATOR,
    },
    "AllianceCoupons": {
        "submitBatch": Role.RELAYER,
        "pause": Role.GUARDIAN,
        "unpause": Role.GUARDIAN,
    },
    "ItemRegistry": {
        "submitBatch": Role.RELAYER,
        "pause": Role.GUARDIAN,
        "unpause": Role.GUARDIAN,
    },
    "CampaignDesk": {
        "submitBatch": Role.RELAYER,
        "pause": Role.GUARDIAN,
        "unpause": Role.GUARDIAN,
    },
    "TransparencyLog": {
        "append": Role.OPERATOR,
    },
}

EXECUTION_DELAY_SECONDS: dict[Role, int] = {
    Role.ADMIN: 2 * DAY_SECONDS,
    Role.OPERATOR: 0,
    Role.RELAYER: 0,
    Role.GUARDIAN: 0,
    Role.APPROVER: 0,
    Role.RESERVES: 0,
}
LEAST_NOTICE_SECONDS = 7 * DAY_SECONDS
FIGURE_LIFE_SECONDS = 35 * DAY_SECONDS


@dataclass(frozen=True)
class Holders:
    """Addresses (0x...) of the role holders, and the seconds that each must wait between word and deed."""

    deployer: str
    admin: str
    operator: str
    relayer: str
    guardian: str
    approver: str
    delays: dict[Role, int] = field(default_factory=lambda: dict(EXECUTION_DELAY_SECONDS))


def function_role_calls(contract: str, address: str) -> list[bytes]:
    """Calldata for the AccessManager that gives a contract's functions their roles."""
    return list(calls_by_role(contract, address).values())


def calls_by_role(contract: str, address: str) -> dict[Role, bytes]:
    """As ``function_role_calls``, by the role that each gives to its functions."""
    manager, artifact = load("AccessManager"), load(contract)
    by_role: dict[Role, list[bytes]] = {}
    for function, role in FUNCTION_ROLES[contract].items():
        by_role.setdefault(role, []).append(artifact.selector(function))
    return {
        role: manager.call_data("setTargetFunctionRole", address, selectors, int(role))
        for role, selectors in by_role.items()
        if role is not Role.ADMIN  # the AccessManager's default
    }


def role_calls(holders: Holders) -> list[bytes]:
    """Calldata for the AccessManager that labels and grants the roles. The deployer stays admin.

    A guardian may cancel what an operator has scheduled.
    """
    manager = load("AccessManager")
    granted = {
        Role.OPERATOR: holders.operator, Role.RELAYER: holders.relayer, Role.GUARDIAN: holders.guardian,
        Role.APPROVER: holders.approver,
    }  # fmt: skip
    calls = [manager.call_data("labelRole", int(role), role.name) for role in granted]
    calls += [
        manager.call_data("grantRole", int(role), holder, holders.delays[role])
        for role, holder in granted.items()
    ]
    return [*calls, manager.call_data("setRoleGuardian", int(Role.OPERATOR), int(Role.GUARDIAN))]


def reserve_desk_calls(desk: str) -> list[bytes]:
    """Calldata for the AccessManager that lets the ReserveDesk, a contract and no key, limit issuance."""
    manager, role = load("AccessManager"), Role.RESERVES
    return [
        manager.call_data("labelRole", int(role), role.name),
        manager.call_data("grantRole", int(role), desk, EXECUTION_DELAY_SECONDS[role]),
    ]


def handover_calls(holders: Holders) -> list[bytes]:
    """Calldata that makes the admin, with its delay, the only one, and takes the deployer's power away.

    Comes last: after it every change of roles, limits and ClearingHouse waits for the admin's delay.
    """
    manager = load("AccessManager")
    grant = manager.call_data("grantRole", int(Role.ADMIN), holders.admin, holders.delays[Role.ADMIN])
    if holders.deployer.lower() == holders.admin.lower():
        return [grant]
    return [grant, manager.call_data("renounceRole", int(Role.ADMIN), holders.deployer)]
