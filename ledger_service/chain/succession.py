"""A new ClearingHouse takes over from the one in force: created, given its roles, put in force.

The admin's acts show on the AccessManager two days before they take effect, so this is done in two sittings:
everything is scheduled in the first, and carried out in the second. What stands on the chain already is found
there; a run that broke off goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import access, load
from ledger_service.chain.delayed import DelayedActs, asked
from ledger_service.chain.errors import AdminRefused
from ledger_service.kernel.secp256k1 import keccak256


@dataclass(frozen=True, slots=True)
class Offices:
    """The contracts that stay: the registry, which names the house in force, and the AccessManager."""

    registry: bytes
    manager: bytes


class Succession:
    """Puts the successor of one house in force; custody's operator key sends every step."""

    def __init__(self, steps: Steps, offices: Offices, former: bytes) -> None:
        self._steps, self._offices, self._former = steps, offices, former
        self._acts = DelayedActs(steps, offices.manager)

    @property
    def creation_hash(self) -> bytes:
        """Keccak-256 of the code that is created next, arguments and all: what custody is asked to allow.

        First that of the mover of the successor's accounts; then that of the desk of campaigns, where the
        former house is older than it; once both stand, that of the successor.
        """
        mover = self._steps.created(self._step("mover"))
        if mover is None:
            return keccak256(self._mover_creation())
        desk = self.campaign_desk()
        return keccak256(self._desk_creation() if desk is None else self._creation(mover, desk))

    def create(self, timestamp: int | None = None) -> bytes:
        """The successor stands, with the mover of its accounts and the desk of campaigns, which goes on from
        house to house; returns its address. Idempotency: by the former house.

        Raises:
            SigningRefused: custody was not told to let this code be created.
            AdminRefused: the former house is older than accounts that move, and names no recovery desk.
        """
        mover = self._created(self._step("mover"), self._mover_creation(), timestamp)
        desk = self.campaign_desk()
        if desk is None:
            desk = self._created(self._step("campaigns"), self._desk_creation(), timestamp)
        return self._created(self._step("house"), self._creation(mover, desk), timestamp)

    def campaign_desk(self) -> bytes | None:
        """Where the successor takes rewards: the former house's desk, else the one that was created for the
        successor; None until then."""
        try:
            (desk,) = asked(self._steps, "ClearingHouse", self._former, "campaignDesk")
        except AdminRefused:
            return self._steps.created(self._step("campaigns"))
        return bytes.fromhex(str(desk)[2:])

    def _step(self, what: str) -> str:
        return f"{what}:{self._former.hex()}"

    def _created(self, step: str, code: bytes, timestamp: int | None) -> bytes:
        made = self._steps.perform(step, None, code, timestamp)
        if made is None:
            raise LookupError("the step created nothing")
        return made

    def schedule(self, successor: bytes, timestamp: int | None = None) -> int:
        """Its roles and its taking over are scheduled; returns from when (seconds) on they may be done.

        Raises:
            AdminRefused: custody's operator key is no admin, or the new house continues another one.
        """
        due = (self._acts.scheduled(*act, timestamp) for act in self._to_do(successor))
        return max(due, default=0)

    def put_in_force(self, successor: bytes, timestamp: int | None = None) -> None:
        """The registry has the successor in force; what was scheduled is done in its order.

        Raises:
            AdminRefused: the delay is not over, or another house is in force.
        """
        for act in self._to_do(successor):
            self._acts.perform(*act, timestamp)

    def in_force(self) -> bytes:
        """The house that the registry names at the head."""
        (house,) = asked(self._steps, "AllianceRegistry", self._offices.registry, "clearingHouse")
        return bytes.fromhex(str(house)[2:])

    def _to_do(self, successor: bytes) -> list[tuple[bytes, bytes]]:
        """Target and calldata of what the head's state does not show as done."""
        (named,) = asked(self._steps, "ClearingHouse", successor, "predecessor")
        if bytes.fromhex(str(named)[2:]) != self._former:
            raise AdminRefused("predecessor", f"the new house continues {named}")
        acts = self._roles_to_give("ClearingHouse", successor)
        desk = self.campaign_desk()
        acts += [] if desk is None else self._roles_to_give("CampaignDesk", desk)
        if self.in_force() != successor:
            data = load("AllianceRegistry").call_data("setClearingHouse", _text(successor))
            acts.append((self._offices.registry, data))
        return acts

    def _roles_to_give(self, contract: str, at: bytes) -> list[tuple[bytes, bytes]]:
        calls = access.calls_by_role(contract, _text(at))
        return [
            (self._offices.manager, data)
            for role, data in calls.items()
            if not self._has_roles(contract, at, role)
        ]

    def _has_roles(self, contract: str, at: bytes, role: access.Role) -> bool:
        wanted = access.FUNCTION_ROLES[contract].items()
        selectors = [load(contract).selector(function) for function, of in wanted if of is role]
        answers = (self._acts.asked("getTargetFunctionRole", _text(at), s)[0] for s in selectors)
        return all(answer == int(role) for answer in answers)

    def _creation(self, mover: bytes, desk: bytes) -> bytes:
        places = (self._offices.manager, self._offices.registry, self._former, mover, desk)
        return load("ClearingHouse").creation_code(*map(_text, places))

    def _desk_creation(self) -> bytes:
        return load("CampaignDesk").creation_code(_text(self._offices.manager), _text(self._offices.registry))

    def _mover_creation(self) -> bytes:
        (mover,) = asked(self._steps, "ClearingHouse", self._former, "accountMover")
        (desk,) = asked(self._steps, "AccountMover", bytes.fromhex(str(mover)[2:]), "recoveryDesk")
        places = (self._offices.manager, self._offices.registry, self._former, bytes.fromhex(str(desk)[2:]))
        return load("AccountMover").creation_code(*map(_text, places))


def _text(address: bytes) -> str:
    return "0x" + address.hex()
