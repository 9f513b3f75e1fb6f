"""An alliance on a bare EVM: three rival merchants with a programme each, members with keys, batches of
kernel operations. The ABI encoder and the book of expected results here share no code with the service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from typing import Any

from ledger_service.chain.artifacts import Artifact, access
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.merkle import proof_of
from ledger_service.kernel.operations import AccountMove, Convert, Extend, Operation, SignerChange
from ledger_service.kernel.permits import slice_struct_hash
from ledger_service.kernel.secp256k1 import sign_digest
from tests.contracts.building import Building
from tests.contracts.evm import CHAIN_ID, Evm, Receipt
from tests.contracts.parties import (
    ADMIN,
    APPROVER,
    CAMPAIGNS,
    CAP,
    CENT,
    COUPONS,
    DAY,
    DEPLOYER,
    DESK,
    EPOCH_ENDS,
    FEE_BPS,
    FIGURE_LIFE,
    GUARDIAN,
    HOUSE,
    ITEMS,
    LOG,
    MANAGER,
    MOVER,
    NOTICE,
    OPERATOR,
    PER_DAY,
    PER_PERMIT,
    POINT_VALUES,
    POINTS,
    REGISTRY,
    RELAYER,
    RESERVE,
    RESERVES,
    SETTLEMENT,
    SLICE_KINDS,
    STRANGER,
    T0,
    Merchant,
)
from tests.contracts.writing import (
    Placed,
    Writer,
    group_by_merchant,
    legs_of,
    write_conversion,
    write_extension,
    write_move,
)


@dataclass(frozen=True)
class Applied:
    number: int
    receipt: Receipt
    operations: tuple[Operation, ...]
    leaves: tuple[bytes, ...]


@dataclass
class Batch:
    """A batch to be sent. The fields that a test may falsify are plain data until ``encode``."""

    number: int
    table: list[tuple[int, int]]
    signers: list[tuple[Any, ...]]
    slices: list[list[Any]]


class Alliance(Building):
    """The contracts, and enough memory to build operations that they accept."""

    def __init__(self) -> None:
        self.evm = Evm(T0)
        self.merchants = [Merchant.numbered(n) for n in (1, 2, 3)]
        self.placed: dict[bytes, Placed] = {}
        self.last_batch = 0
        self.period = 1
        self._op_numbers = count(1)
        self._permit_counters: dict[bytes, int] = {}
        self._deploy()
        self._found()

    def _deploy(self) -> None:
        evm = self.evm
        self.manager = evm.create(DEPLOYER, MANAGER.creation_code(DEPLOYER))
        self.points = evm.create(DEPLOYER, POINTS.creation_code())
        self.registry = evm.create(DEPLOYER, REGISTRY.creation_code(self.manager, self.points))
        self.desk = evm.create(DEPLOYER, DESK.creation_code(self.manager, self.registry, NOTICE))
        origin = (self.manager, self.registry, CENT)
        self.settlement_desk = evm.create(DEPLOYER, SETTLEMENT.creation_code(*origin))
        origin = (self.manager, self.registry, FIGURE_LIFE)
        self.reserve_desk = evm.create(DEPLOYER, RESERVE.creation_code(*origin))
        self.campaigns = evm.create(DEPLOYER, CAMPAIGNS.creation_code(self.manager, self.registry))
        self.house = self.new_house(bytes(20))
        self.coupons = evm.create(DEPLOYER, COUPONS.creation_code(self.manager, self.registry))
        self.items = evm.create(DEPLOYER, ITEMS.creation_code(self.manager, self.registry))
        self.log = evm.create(DEPLOYER, LOG.creation_code(self.manager))
        parties = (DEPLOYER, ADMIN, OPERATOR, RELAYER, GUARDIAN, APPROVER)
        holders = access.Holders(*("0x" + a.hex() for a in parties))
        calls = access.function_role_calls("AllianceRegistry", "0x" + self.registry.hex())
        calls += access.function_role_calls("RecoveryDesk", "0x" + self.desk.hex())
        calls += access.function_role_calls("SettlementDesk", "0x" + self.settlement_desk.hex())
        calls += access.function_role_calls("ReserveDesk", "0x" + self.reserve_desk.hex())
        for holder in (self.reserve_desk, RESERVES):
            calls += access.reserve_desk_calls("0x" + holder.hex())
        beside = {
            "AllianceCoupons": self.coupons, "ItemRegistry": self.items, "CampaignDesk": self.campaigns,
            "TransparencyLog": self.log}  # fmt: skip
        for name, place in beside.items():
            calls += access.function_role_calls(name, "0x" + place.hex())
        for data in (*calls, *access.role_calls(holders)):
            evm.send(DEPLOYER, self.manager, data)
        self.transact(DEPLOYER, REGISTRY, "setCustodialLimits", PER_PERMIT, PER_DAY)
        self.transact(DEPLOYER, REGISTRY, "setClearingHouse", self.house)
        for data in access.handover_calls(holders):
            evm.send(DEPLOYER, self.manager, data)

    def new_house(self, predecessor: bytes) -> bytes:
        """A ClearingHouse whose functions have their roles (granted by the deployer, before the handover)."""
        origin = (self.manager, self.registry, predecessor)
        mover = self.evm.create(DEPLOYER, MOVER.creation_code(*origin, self.desk))
        house = self.evm.create(DEPLOYER, HOUSE.creation_code(*origin, mover, self.campaigns))
        self.as_manager_admin(access.function_role_calls("ClearingHouse", "0x" + house.hex()))
        return house

    def as_manager_admin(self, calls: Sequence[bytes]) -> None:
        """Make calls to the AccessManager as admin: at once before the handover, after one delay since."""
        if not hasattr(self, "house"):
            for data in calls:
                self.evm.send(DEPLOYER, self.manager, data)
            return
        for data in calls:
            self.evm.send(ADMIN, self.manager, MANAGER.call_data("schedule", self.manager, data, 0))
        self.evm.now += access.EXECUTION_DELAY_SECONDS[access.Role.ADMIN]
        for data in calls:
            self.evm.send(ADMIN, self.manager, data)

    def as_admin(self, function: str, *arguments: object) -> Receipt:
        """Schedule a call of the registry, wait for the admin's delay, and make it."""
        data = REGISTRY.call_data(function, *arguments)
        self.evm.send(ADMIN, self.manager, MANAGER.call_data("schedule", self.registry, data, 0))
        self.evm.now += access.EXECUTION_DELAY_SECONDS[access.Role.ADMIN]
        return self.evm.send(ADMIN, self.registry, data)

    def _found(self) -> None:
        for number, merchant in enumerate(self.merchants, start=1):
            self.transact(OPERATOR, REGISTRY, "admitMerchant", merchant.gln, *merchant.addresses())
            terms = (T0 - DAY, POINT_VALUES[number - 1], FEE_BPS, CAP, 4)
            self.transact(
                OPERATOR,
                REGISTRY,
                "createProgramme",
                merchant.gln,
                f"Points {number}",
                f"P{number}",
                EPOCH_ENDS,
                terms,
            )
        self.tokens = [self.ask(REGISTRY, "programme", p)[0][0] for p in (1, 2, 3)]

    def fork_mark(self) -> tuple[Any, ...]:
        return (*self.evm.mark(), deepcopy((self.placed, self.last_batch, self.house, self._permit_counters)))

    def back_to(self, mark: tuple[Any, ...]) -> None:
        self.evm.back_to((mark[0], mark[1]))
        self.placed, self.last_batch, self.house, self._permit_counters = deepcopy(mark[2])

    # Calls

    def address_of(self, artifact: Artifact) -> bytes:
        return {
            "AllianceRegistry": self.registry,
            "ClearingHouse": self.house,
            "AccessManager": self.manager,
            "RecoveryDesk": self.desk,
            "SettlementDesk": self.settlement_desk,
            "ReserveDesk": self.reserve_desk,
            "AllianceCoupons": self.coupons,
            "ItemRegistry": self.items,
            "CampaignDesk": self.campaigns,
            "TransparencyLog": self.log,
        }[artifact.contract]

    def transact(self, sender: bytes, artifact: Artifact, function: str, *arguments: object) -> Receipt:
        return self.evm.send(sender, self.address_of(artifact), artifact.call_data(function, *arguments))

    def ask(self, artifact: Artifact, function: str, *arguments: object) -> tuple[Any, ...]:
        return self.ask_at(self.address_of(artifact), artifact, function, *arguments)

    def ask_at(
        self, address: bytes, artifact: Artifact, function: str, *arguments: object
    ) -> tuple[Any, ...]:
        answer = self.evm.call(STRANGER, address, artifact.call_data(function, *arguments))
        return tuple(_plain(value) for value in artifact.answer_of(function, answer))

    def token(self, programme: int, function: str, *arguments: object) -> Any:
        return self.ask_at(self.tokens[programme - 1], POINTS, function, *arguments)[0]

    def balance(self, account: bytes, programme: int, epoch: int) -> int:
        return int(self.token(programme, "balanceAtEpochRaw", account, epoch))

    def net(self, merchant: Merchant, period: int = 1) -> int:
        return int(self.ask(HOUSE, "net", period, merchant.gln)[0])

    # Batches

    def apply(self, *operations: Operation, falsify: Callable[[Batch], None] | None = None) -> Applied:
        """Send the operations as one batch, each in its merchant's slice; ``falsify`` edits what is sent."""
        number = self.last_batch + 1
        changes = [o for o in operations if isinstance(o, SignerChange)]
        slices = group_by_merchant(operations)
        table = sorted({(leg.programme, leg.terms_version) for o in operations for leg in legs_of(o)})
        ordered = [
            *changes,
            *(o for parts in slices.values() for kind in SLICE_KINDS for o in parts if o.kind is kind),
        ]
        leaves = tuple(o.leaf() for o in ordered)
        writer = Writer(table, self.placed)
        batch = Batch(
            number, table, [writer.signer(c) for c in changes],
            [self._slice(writer, number, gln, parts) for gln, parts in slices.items()],
        )  # fmt: skip
        if falsify:
            falsify(batch)
        data = HOUSE.call_data("submitBatch", batch.number, batch.table, batch.signers, batch.slices)
        receipt = self.evm.send(RELAYER, self.house, data)
        self.last_batch = batch.number
        for position, (operation, leaf) in enumerate(zip(ordered, leaves, strict=True)):
            self.placed[leaf] = Placed(operation, batch.number, tuple(proof_of(leaves, position)))
        return Applied(batch.number, receipt, tuple(ordered), leaves)

    def move(self, *moves: AccountMove, falsify: Callable[[list[Any]], None] | None = None) -> Applied:
        """Send the moves as one batch; ``falsify`` edits the tuples that are sent."""
        number, leaves = self.last_batch + 1, tuple(move.leaf() for move in moves)
        written = [write_move(move) for move in moves]
        if falsify:
            falsify(written)
        receipt = self.evm.send(RELAYER, self.house, HOUSE.call_data("moveAccounts", number, written))
        self.last_batch = number
        return Applied(number, receipt, moves, leaves)

    def converted(self, *operations: Convert, falsify: Callable[[list[Any]], None] | None = None) -> Applied:
        """Send the conversions as one batch, each in its target's slice; ``falsify`` edits what is sent."""
        return self._alone("convertPoints", write_conversion, operations, falsify)

    def extended(self, *operations: Extend, falsify: Callable[[list[Any]], None] | None = None) -> Applied:
        """Send the extensions as one batch, each in its issuer's slice; ``falsify`` edits what is sent."""
        return self._alone("extendPoints", write_extension, operations, falsify)

    def _alone(
        self, function: str, write: Callable[[Any], Any], operations: Sequence[Operation],
        falsify: Callable[[list[Any]], None] | None,
    ) -> Applied:  # fmt: skip
        number, slices = self.last_batch + 1, group_by_merchant(operations)
        ordered = [o for parts in slices.values() for o in parts]
        written = [
            [gln, self._signature(number, gln, parts), [write(o) for o in parts]]
            for gln, parts in slices.items()
        ]
        if falsify:
            falsify(written)
        receipt = self.evm.send(RELAYER, self.house, HOUSE.call_data(function, number, written))
        self.last_batch = number
        return Applied(number, receipt, tuple(ordered), tuple(o.leaf() for o in ordered))

    def _slice(self, writer: Writer, number: int, gln: int, parts: Sequence[Operation]) -> list[Any]:
        ordered = [o for kind in SLICE_KINDS for o in parts if o.kind is kind]
        kinds = [[writer.write(o) for o in parts if o.kind is kind] for kind in SLICE_KINDS]
        return [gln, self._signature(number, gln, ordered), *kinds]

    def _signature(self, number: int, gln: int, ordered: Sequence[Operation]) -> bytes:
        digest = self.domain.digest(slice_struct_hash(number, gln, [o.leaf() for o in ordered]))
        key = next((m.operations for m in self.merchants if m.gln == gln), bytes(31) + b"\x01")
        return sign_digest(key, digest)


def sign_registry(alliance: Alliance, key: bytes, type_: str, *members: int | bytes) -> bytes:
    """A signature in the registry's EIP-712 domain."""
    return sign_digest(key, Domain(CHAIN_ID, alliance.registry).digest(struct_hash(type_, *members)))


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    return tuple(_plain(v) for v in value) if isinstance(value, tuple | list) else value
