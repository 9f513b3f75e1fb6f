"""Transactions against the model: creations, restricted calls, views; each changes the state whole or not at
all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from eth_abi.abi import decode

from ledger_service.chain.artifacts import load
from ledger_service.chain.artifacts.access import FUNCTION_ROLES, Role
from ledger_service.kernel.chain_tx import created_address
from tests.simulation.model import campaigns, debits, registry
from tests.simulation.model import credits as gains
from tests.simulation.model.abi import CONTRACTS, Log, Reverted, answer, call_of, raw, refusal
from tests.simulation.model.batch import Desk
from tests.simulation.model.state import State

PLACES = {"AccessManager": "manager", "AlliancePoints": "points", "AllianceRegistry": "registry",
          "ClearingHouse": "house", "AccountMover": "mover", "RecoveryDesk": "desk",
          "SettlementDesk": "settlement", "ReserveDesk": "reserves",
          "AllianceCoupons": "coupons", "ItemRegistry": "items", "CampaignDesk": "campaigns",
          "TransparencyLog": "log"}  # fmt: skip
KINDS: tuple[tuple[int, str, Callable[[Desk, Any, Any], None]], ...] = (
    (2, "issued", gains.issue), (3, "restored", gains.restore), (4, "gifted", debits.gift),
    (5, "redeemed", debits.redeem), (6, "clawedBack", debits.claw_back), (7, "expired", debits.expire),
)  # fmt: skip
WRITES: dict[str, Callable[..., list[Log]]] = {
    "admitMerchant": registry.admit, "suspendMerchant": registry.suspend,
    "reinstateMerchant": registry.reinstate, "rotateKeys": registry.rotate_keys,
    "createProgramme": registry.create_programme, "publishTerms": registry.publish_terms,
    "appendEpochs": registry.append_epochs, "setCustodialLimits": registry.set_limits,
    "setClearingHouse": registry.set_house, "closePeriod": registry.close_period, "pause": registry.pause,
}  # fmt: skip


def execute(state: State, sender: bytes, to: bytes | None, data: bytes, now: int) -> tuple[State, list[Log]]:
    """The state after a transaction and its logs; the nonce counts whatever becomes of it.

    Raises:
        Reverted: nothing changed but the nonce, which the caller counts.
    """
    after = state.copy()
    nonce = state.nonce(sender)
    after.nonces[sender] = nonce + 1
    if to is None:
        _create(after, sender, created_address(sender, nonce), data)
        return after, []
    return after, call(after, sender, to, data, now)


def call(state: State, sender: bytes, to: bytes, data: bytes, now: int) -> list[Log]:
    """The call's effects stand in ``state``; returns its logs."""
    contract = contract_at(state, to)
    if contract is None:
        return []
    name, arguments = call_of(contract, data)
    if contract == "AccessManager":
        _manage(state, sender, name, arguments)
        return []
    _check_role(state, (sender, to, data[:4]), FUNCTION_ROLES[contract].get(name))
    if name == "submitBatch" and contract == "CampaignDesk":
        return campaigns.submit(state, now, *arguments)
    if name == "submitBatch":
        return submit_batch(state, now, *arguments)
    return WRITES[name](state, now, *arguments)


def contract_at(state: State, to: bytes) -> str | None:
    """The contract that stands at an address."""
    for name, place in PLACES.items():
        if getattr(state.site, place) == to:
            return name
    return "AlliancePoints" if any(p.token == to for p in state.programmes.values()) else None


def submit_batch(state: State, now: int, number: int, *rest: Any) -> list[Log]:
    """See ``ClearingHouse.submitBatch``."""
    table, signers, slices = rest
    desk = Desk(state, now, number)
    desk.open(table, len(signers), slices)
    for index, change in enumerate(signers):
        gains.change_signer(desk, index, change)
    for field, kind, act in KINDS:
        for turn, piece in zip(desk.turns, slices, strict=True):
            for operation in piece[field]:
                act(desk, turn, operation)
        desk.flush(kind)
    desk.close(slices)
    return desk.logs


def view(state: State, to: bytes, data: bytes) -> bytes:
    """What the views answer that the reconciler asks."""
    contract = contract_at(state, to) or ""
    name, arguments = call_of(contract, data)
    if contract == "CampaignDesk":
        return campaigns.view(state, name, arguments)
    if name == "lastBatch":
        return answer(contract, name, state.last_batch)
    if name == "rootOf":
        return answer(contract, name, state.roots.get(arguments[0], bytes(32)))
    if name == "net":
        return answer(contract, name, state.nets[arguments])
    if name == "balanceAtEpochRaw":
        programme = next(n for n, p in state.programmes.items() if p.token == to)
        return answer(contract, name, state.lots[arguments[0], programme, arguments[1]])
    raise KeyError(name)


def _create(state: State, sender: bytes, address: bytes, code: bytes) -> None:
    name = next(n for n in CONTRACTS if code.startswith(load(n).bytecode))
    state.site = replace(state.site, **{PLACES[name]: address})
    state.nonces[address] = 1
    if name == "AccessManager":
        (admin,) = raw(decode(["address"], code[len(load(name).bytecode) :]))
        state.role_delays[Role.ADMIN, admin] = 0


def _manage(state: State, sender: bytes, name: str, arguments: tuple[Any, ...]) -> None:
    if state.role_delays.get((Role.ADMIN, sender)) != 0:
        raise refusal("AccessManagerUnauthorizedAccount", sender, Role.ADMIN)
    if name == "setTargetFunctionRole":
        target, selectors, role = arguments
        state.function_roles.update({(target, bytes(s)): role for s in selectors})
    elif name == "grantRole":
        role, account, delay = arguments
        state.role_delays[role, account] = delay
    elif name == "renounceRole":
        state.role_delays.pop((arguments[0], sender), None)


def _check_role(state: State, call_: tuple[bytes, bytes, bytes], restricted: Role | None) -> None:
    sender, to, selector = call_
    if restricted is None:
        return
    role = state.function_roles.get((to, selector), Role.ADMIN)
    if state.role_delays.get((role, sender)) != 0:
        raise refusal("AccessManagedUnauthorized", sender)


__all__ = ["Reverted", "execute", "view"]
