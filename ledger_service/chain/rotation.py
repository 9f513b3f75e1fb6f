"""Keys that change hands on a running chain: a merchant's three keys, and the two keys that send.

A merchant's keys change by its admin key's signature, at once. A sending key's roles change by the admin's
act, which the AccessManager shows to everybody two days before it takes effect; the old key loses its roles
only when custody holds the new one, so that nobody locks the alliance out of its own contracts.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from ledger_service.chain.admin import Steps
from ledger_service.chain.artifacts import load
from ledger_service.chain.artifacts.access import EXECUTION_DELAY_SECONDS, Role
from ledger_service.chain.delayed import DelayedActs, asked
from ledger_service.chain.models import chain_tx
from ledger_service.chain.ports import APPROVER, OPERATOR, RELAYER
from ledger_service.chain.standing import open_tx

ROLES = {
    RELAYER: (Role.RELAYER,),
    OPERATOR: (Role.OPERATOR, Role.GUARDIAN, Role.ADMIN),
    APPROVER: (Role.APPROVER,),
}


@dataclass(frozen=True, slots=True)
class MerchantKeysOnChain:
    """A merchant's keys in force, and the number that its next change of keys must be signed with."""

    admin: bytes
    operations: bytes
    settlement: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Move:
    """A sending key (``relayer`` or ``operator``) goes from one address to another."""

    key: str
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a move stands: until when (seconds) the next act must wait, how many transactions of the old key
    no block has yet, whether custody must take the new key now, whether all is done."""

    waits_until: int = 0
    in_flight: int = 0
    needs_new_key: bool = False
    done: bool = False


class MerchantRotation:
    """Changes a merchant's keys in the registry."""

    def __init__(self, steps: Steps, registry: bytes) -> None:
        self._steps, self._registry, self._rules = steps, registry, load("AllianceRegistry")

    def in_force(self, merchant: int) -> MerchantKeysOnChain:
        """The keys of an admitted merchant as the head tells; zero addresses for a stranger."""
        (keys,) = asked(self._steps, "AllianceRegistry", self._registry, "merchantKeys", merchant)
        (nonce,) = asked(self._steps, "AllianceRegistry", self._registry, "merchantNonce", merchant)
        admin, operations, settlement = (bytes.fromhex(key[2:]) for key in keys)
        return MerchantKeysOnChain(admin, operations, settlement, nonce)

    def change(
        self, merchant: int, keys: MerchantKeysOnChain, signature: bytes, timestamp: int | None = None
    ) -> None:
        """The keys are in force. Batches stored before are mined before (a bridge must be at work); what the
        old operations key signs from now on is refused, and packed anew once custody has the new one.

        Args:
            merchant: its GLN.
            keys: the next keys, with the number in force.
            signature: the present admin key's, of these keys.
            timestamp: in replay, the least time of the block.

        Raises:
            AdminRefused: another key signed; nothing was sent.

        Idempotency: by merchant and number.
        """
        next_keys = tuple(_text(key) for key in (keys.admin, keys.operations, keys.settlement))
        data = self._rules.call_data("rotateKeys", merchant, next_keys, signature)
        self._steps.perform(f"keys:{merchant}:{keys.nonce}", self._registry, data, timestamp)


class RoleRotation:
    """Moves the roles of a sending key; the operator's key of custody sends every step."""

    def __init__(self, steps: Steps, manager: bytes) -> None:
        self._steps, self._manager, self._rules = steps, manager, load("AccessManager")
        self._acts = DelayedActs(steps, manager)

    def advance(self, move: Move, now: int, timestamp: int | None = None) -> Stage:
        """Whatever of the move can be done now is done; call it again until it is done.

        Args:
            move: whose roles go where.
            now: seconds since 1970, by the chain's clock.
            timestamp: in replay, the least time of the blocks.

        Raises:
            AdminRefused: custody's operator key is no admin; nothing was sent.

        Idempotency: what is scheduled or done already is found on the chain.
        """
        grants, revokes = self._grants(move), self._revokes(move)
        swapped = self._steps.outbound.sender(move.key) == move.new
        if not grants and not revokes:
            return Stage(done=True)
        # Who schedules an act must also carry it out, and the operator's own successor ends its reign.
        ends_now = revokes if swapped or move.key == RELAYER else []
        due = [(data, self._acts.scheduled(self._manager, data, timestamp)) for data in (*grants, *ends_now)]
        in_flight = self._in_flight(move.old)
        for data, when in due:
            # Mined after its key has lost the role, a batch would be refused.
            if when <= now and (data in grants or (swapped and not grants and not in_flight)):
                self._acts.perform(self._manager, data, timestamp)
        if self._grants(move):
            return Stage(waits_until=max(when for _, when in due))
        if in_flight:
            return Stage(in_flight=in_flight, needs_new_key=not swapped)
        if not swapped:
            return Stage(needs_new_key=True)
        if self._revokes(move):
            return Stage(waits_until=max((when for data, when in due if data in revokes), default=now))
        return Stage(done=True)

    def has(self, role: Role, account: bytes) -> bool:
        """Whether the account holds the role at the head."""
        return bool(self._acts.asked("hasRole", int(role), _text(account))[0])

    def _grants(self, move: Move) -> list[bytes]:
        return [
            self._rules.call_data("grantRole", int(role), _text(move.new), EXECUTION_DELAY_SECONDS[role])
            for role in ROLES[move.key]
            if not self.has(role, move.new)
        ]

    def _revokes(self, move: Move) -> list[bytes]:
        return [
            self._rules.call_data("revokeRole", int(role), _text(move.old))
            for role in ROLES[move.key]
            if self.has(role, move.old)
        ]

    def _in_flight(self, signer: bytes) -> int:
        unmined = (chain_tx.c.signer == signer) & open_tx("signed", "broadcast")
        # The operator's own steps are read back by a bridge; each is mined before the next.
        with self._steps.desk.read() as conn:
            counted = select(func.count()).select_from(chain_tx).where(unmined & chain_tx.c.step.is_(None))
            return int(conn.execute(counted).scalar_one())


def _text(address: bytes) -> str:
    return "0x" + address.hex()
