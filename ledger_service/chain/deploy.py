"""Puts an alliance's contracts on a chain: each contract once, roles, limits, then the handover of power."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import access, load
from ledger_service.chain.ports import APPROVER, OPERATOR, RELAYER
from ledger_service.chain.settings import Contracts

_NOWHERE = "0x" + bytes(20).hex()


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that a deployment put on the chain."""

    contracts: Contracts
    manager: bytes
    points_implementation: bytes
    recovery_desk: bytes
    settlement_desk: bytes
    reserve_desk: bytes
    coupons: bytes
    item_registry: bytes
    campaign_desk: bytes
    transparency_log: bytes


@dataclass(frozen=True, slots=True)
class MoneyRules:
    """In micros of the settlement currency: what custodial signers may spend (D1), and its minor unit."""

    per_permit_micros: int
    per_day_micros: int
    one_minor_micros: int


def deploy(steps: Steps, money: MoneyRules, timestamp: int | None = None) -> Deployment:
    """The contracts stand, the roles are granted, and admin acts wait two days from now on.

    Idempotency: each step by its name; a run that broke off goes on where it was.

    Raises:
        AdminRefused: a step was refused; the steps before it stand.
    """
    steps.outbound.note_founders()
    operator = _text(steps.outbound.sender(OPERATOR))
    manager = _create(steps, "AccessManager", (operator,), timestamp)
    points = _create(steps, "AlliancePoints", (), timestamp)
    registry = _create(steps, "AllianceRegistry", (_text(manager), _text(points)), timestamp)
    notice = access.LEAST_NOTICE_SECONDS
    desk = _create(steps, "RecoveryDesk", (_text(manager), _text(registry), notice), timestamp)
    origin = (_text(manager), _text(registry), _NOWHERE)
    unit = money.one_minor_micros
    settlement = _create(steps, "SettlementDesk", (_text(manager), _text(registry), unit), timestamp)
    life = access.FIGURE_LIFE_SECONDS
    reserves = _create(steps, "ReserveDesk", (_text(manager), _text(registry), life), timestamp)
    mover = _create(steps, "AccountMover", (*origin, _text(desk)), timestamp)
    campaigns = _create(steps, "CampaignDesk", (_text(manager), _text(registry)), timestamp)
    house = _create(steps, "ClearingHouse", (*origin, _text(mover), _text(campaigns)), timestamp)
    coupons = _create(steps, "AllianceCoupons", (_text(manager), _text(registry)), timestamp)
    items = _create(steps, "ItemRegistry", (_text(manager), _text(registry)), timestamp)
    log = _create(steps, "TransparencyLog", (_text(manager),), timestamp)
    restricted = {
        "RecoveryDesk": desk, "SettlementDesk": settlement, "ReserveDesk": reserves,
        "AllianceCoupons": coupons, "ItemRegistry": items, "CampaignDesk": campaigns, "TransparencyLog": log,
        "AllianceRegistry": registry, "ClearingHouse": house,
    }  # fmt: skip
    holders = _give_roles(steps, manager, restricted, timestamp)
    _put_in_force(steps, restricted, money, timestamp)
    for number, data in enumerate(access.handover_calls(holders)):
        steps.perform(f"deploy:handover:{number}", manager, data, timestamp)
    desks = (desk, settlement, reserves)
    return Deployment(Contracts(house, registry), manager, points, *desks, coupons, items, campaigns, log)


def _give_roles(
    steps: Steps, manager: bytes, contracts: dict[str, bytes], timestamp: int | None
) -> access.Holders:
    """Every contract's functions have their roles, and the roles their holders; who they are."""
    operator, relayer, approver = (_text(steps.outbound.sender(key)) for key in (OPERATOR, RELAYER, APPROVER))
    holders = access.Holders(operator, operator, operator, relayer, operator, approver)
    calls = [
        *(call for name, at in contracts.items() for call in access.function_role_calls(name, _text(at))),
        *access.reserve_desk_calls(_text(contracts["ReserveDesk"])),
        *access.role_calls(holders),
    ]
    for number, data in enumerate(calls):
        steps.perform(f"deploy:roles:{number}", manager, data, timestamp)
    return holders


def _put_in_force(
    steps: Steps, contracts: dict[str, bytes], money: MoneyRules, timestamp: int | None
) -> None:
    """The registry has its limits and its house."""
    rules, registry = load("AllianceRegistry"), contracts["AllianceRegistry"]
    limits = rules.call_data("setCustodialLimits", money.per_permit_micros, money.per_day_micros)
    steps.perform("deploy:limits", registry, limits, timestamp)
    in_force = rules.call_data("setClearingHouse", _text(contracts["ClearingHouse"]))
    steps.perform("deploy:clearing-house", registry, in_force, timestamp)


def _create(steps: Steps, name: str, arguments: tuple[object, ...], timestamp: int | None) -> bytes:
    address = steps.perform(f"deploy:{name}", None, load(name).creation_code(*arguments), timestamp)
    if address is None:
        raise LookupError(f"step deploy:{name} created nothing")
    return address


def _text(address: bytes) -> str:
    return "0x" + address.hex()
