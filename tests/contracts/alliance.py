"""An alliance on a bare EVM: three rival merchants with a programme each, members with keys, batches of
kernel operations. The ABI encoder and the book of expected results here share no code with the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from ledger_service.chain.artifacts import Artifact, access, load
from ledger_service.kernel.eip712 import Domain, struct_hash
from ledger_service.kernel.merkle import proof_of
from ledger_service.kernel.operations import (
    Clawback,
    Expire,
    Gift,
    Issue,
    Kind,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)  # fmt: skip
from ledger_service.kernel.permits import GiftPermit, SignerGrant, SpendPermit, slice_struct_hash
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from tests.contracts.evm import CHAIN_ID, Evm, Receipt

T0 = 1_700_000_000
DAY = 86_400
EPOCH_ENDS = tuple(T0 + 30 * DAY * k for k in range(1, 13))
NEVER = 2**40 - 1
POINT_VALUES = (10_000, 5_000, 333)
FEE_BPS = 150
CAP = 10**12
PER_PERMIT, PER_DAY = 50_000_000, 80_000_000
REGISTRY, POINTS, HOUSE, MANAGER = (
    load("AllianceRegistry"), load("AlliancePoints"), load("ClearingHouse"), load("AccessManager"),
)  # fmt: skip
SLICE_KINDS = (Kind.ISSUE, Kind.RESTORE, Kind.GIFT, Kind.REDEEM, Kind.CLAWBACK, Kind.EXPIRE)


def role_address(name: str) -> bytes:
    """A plain address that stands for a role holder or another caller."""
    return keccak256(name.encode())[12:]


DEPLOYER, ADMIN, OPERATOR, RELAYER, GUARDIAN, STRANGER = (
    role_address(n) for n in ("deployer", "admin", "operator", "relayer", "guardian", "stranger")
)
ROLE_HOLDERS = {
    access.Role.ADMIN: ADMIN, access.Role.OPERATOR: OPERATOR,
    access.Role.RELAYER: RELAYER, access.Role.GUARDIAN: GUARDIAN,
}  # fmt: skip


def gln_of(number: int) -> int:
    """A 13-digit GLN with its check digit."""
    body = f"9506000{number:05d}"
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body)))
    return int(body + str(-total % 10))


@dataclass(frozen=True)
class Merchant:
    gln: int
    admin: bytes
    operations: bytes
    settlement: bytes

    @staticmethod
    def numbered(number: int) -> Merchant:
        admin, operations, settlement = (
            keccak256(f"{part}{number}".encode()) for part in ("adm", "ops", "set")
        )
        return Merchant(gln_of(number), admin, operations, settlement)

    def addresses(self) -> tuple[bytes, bytes, bytes]:
        return address_of_key(self.admin), address_of_key(self.operations), address_of_key(self.settlement)


@dataclass(frozen=True)
class Member:
    account: bytes
    key: bytes

    @staticmethod
    def numbered(number: int) -> Member:
        return Member(keccak256(f"account{number}".encode())[12:], keccak256(f"device{number}".encode()))

    @property
    def signer(self) -> bytes:
        return address_of_key(self.key)


@dataclass(frozen=True)
class Placed:
    """Where an operation stands, for proofs."""

    operation: Operation
    batch: int
    proof: tuple[bytes, ...]


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


class Alliance:
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
        self.house = self.new_house(bytes(20))
        holders = access.Holders(*("0x" + a.hex() for a in (DEPLOYER, ADMIN, OPERATOR, RELAYER, GUARDIAN)))
        calls = access.function_role_calls("AllianceRegistry", "0x" + self.registry.hex())
        for data in (*calls, *access.role_calls(holders)):
            evm.send(DEPLOYER, self.manager, data)
        self.transact(DEPLOYER, REGISTRY, "setCustodialLimits", PER_PERMIT, PER_DAY)
        self.transact(DEPLOYER, REGISTRY, "setClearingHouse", self.house)
        for data in access.handover_calls(holders):
            evm.send(DEPLOYER, self.manager, data)

    def new_house(self, predecessor: bytes) -> bytes:
        """A ClearingHouse whose functions have their roles (granted by the deployer, before the handover)."""
        house = self.evm.create(DEPLOYER, HOUSE.creation_code(self.manager, self.registry, predecessor))
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

    # Operations

    @property
    def domain(self) -> Domain:
        return Domain(CHAIN_ID, self.house)

    def op_id(self) -> bytes:
        return keccak256(next(self._op_numbers).to_bytes(8, "big"))[:16]

    def next_nonce(self, account: bytes, lane: int = 0) -> int:
        counter = self._permit_counters.get(account, 0)
        self._permit_counters[account] = counter + 1
        return lane << 32 | counter

    def merchant_of(self, programme: int) -> Merchant:
        return self.merchants[programme - 1]

    def enrol(self, member: Member, flags: int = 0, **changes: Any) -> SignerChange:
        fields = {
            "op_id": self.op_id(), "account": member.account, "signer": member.signer, "flags": flags,
            "accepted_at": self.evm.now, "valid_until": 0, "authorisation": b"",
        }  # fmt: skip
        return SignerChange(**{**fields, **changes})

    def grant(self, by: bytes, change: SignerChange) -> SignerChange:
        """The change with an authorisation by the key ``by``."""
        permit = SignerGrant(change.account, change.signer, change.flags, change.valid_until)
        return _with(change, authorisation=sign_digest(by, self.domain.digest(permit.struct_hash())))

    def issue(self, member: Member, leg: Leg, **changes: Any) -> Issue:
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(leg.programme).gln, "account": member.account,
            "accepted_at": self.evm.now, "reason": 0, "leg": leg,
        }  # fmt: skip
        return Issue(**{**fields, **changes})

    def redeem(self, member: Member, acceptor: Merchant, legs: Sequence[Leg], **changes: Any) -> Redeem:
        """A redemption under a permit signed by the member's key (``signing_key``: by another)."""
        key = changes.pop("signing_key", member.key)
        account = changes.get("account", member.account)
        permit = SpendPermit(
            account,
            changes["nonce"] if "nonce" in changes else self.next_nonce(account),
            changes.get("max_value_micros", 10**12),
            changes.get("valid_until", self.evm.now + 60),
        )
        digest = self.domain.digest(permit.struct_hash())
        fields = {
            "op_id": self.op_id(), "merchant": acceptor.gln, "account": account, "nonce": permit.nonce,
            "max_value_micros": permit.max_value_micros, "valid_until": permit.valid_until,
            "accepted_at": self.evm.now, "flags": 0, "permit_digest": digest, "legs": tuple(legs),
            "signature": sign_digest(key, digest),
        }  # fmt: skip
        return Redeem(**{**fields, **changes})

    def gift(self, member: Member, recipient: bytes, legs: Sequence[Leg], **changes: Any) -> Gift:
        key = changes.pop("signing_key", member.key)
        nonce = changes["nonce"] if "nonce" in changes else self.next_nonce(member.account)
        valid_until = changes.get("valid_until", self.evm.now + 60)
        permit = GiftPermit(member.account, recipient, nonce, valid_until, tuple(legs))
        digest = self.domain.digest(permit.struct_hash())
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(legs[0].programme).gln if legs else 0,
            "account": member.account, "recipient": recipient, "nonce": nonce, "valid_until": valid_until,
            "accepted_at": self.evm.now, "permit_digest": digest, "legs": tuple(legs),
            "signature": sign_digest(key, digest),
        }  # fmt: skip
        return Gift(**{**fields, **changes})

    def restore(self, original: Redeem, leg_index: int, amount: int, **changes: Any) -> Restore:
        was = original.legs[leg_index] if leg_index < len(original.legs) else original.legs[0]
        leg = Leg(was.programme, was.terms_version, changes.pop("epoch", was.epoch), amount)
        fields = {
            "op_id": self.op_id(), "merchant": original.merchant, "account": original.account,
            "accepted_at": self.evm.now, "original_op_id": original.op_id, "original_leaf": original.leaf(),
            "leg_index": leg_index, "leg": leg,
        }  # fmt: skip
        return Restore(**{**fields, **changes})

    def claw_back(self, original: Issue, legs: Sequence[Leg], **changes: Any) -> Clawback:
        fields = {
            "op_id": self.op_id(), "merchant": original.merchant, "account": original.account,
            "accepted_at": self.evm.now, "original_op_id": original.op_id, "original_leaf": original.leaf(),
            "legs": tuple(legs),
        }  # fmt: skip
        return Clawback(**{**fields, **changes})

    def expire(self, member: Member, leg: Leg, **changes: Any) -> Expire:
        fields = {
            "op_id": self.op_id(), "merchant": self.merchant_of(leg.programme).gln, "account": member.account,
            "accepted_at": self.evm.now, "leg": leg,
        }  # fmt: skip
        return Expire(**{**fields, **changes})

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

    def _slice(self, writer: Writer, number: int, gln: int, parts: Sequence[Operation]) -> list[Any]:
        ordered = [o for kind in SLICE_KINDS for o in parts if o.kind is kind]
        digest = self.domain.digest(slice_struct_hash(number, gln, [o.leaf() for o in ordered]))
        key = next((m.operations for m in self.merchants if m.gln == gln), bytes(31) + b"\x01")
        kinds = [[writer.write(o) for o in parts if o.kind is kind] for kind in SLICE_KINDS]
        return [gln, sign_digest(key, digest), *kinds]


def group_by_merchant(operations: Iterable[Operation]) -> dict[int, list[Operation]]:
    slices: dict[int, list[Operation]] = {}
    for operation in operations:
        if not isinstance(operation, SignerChange):
            slices.setdefault(operation.merchant, []).append(operation)
    return slices


def legs_of(operation: Operation) -> tuple[Leg, ...]:
    if isinstance(operation, SignerChange):
        return ()
    return operation.legs if isinstance(operation, Redeem | Gift | Clawback) else (operation.leg,)


@dataclass
class Writer:
    """ABI tuples of operations against one table."""

    table: list[tuple[int, int]]
    placed: Mapping[bytes, Placed]
    rows: dict[tuple[int, int], int] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {key: row for row, key in enumerate(self.table)}

    def word(self, leg: Leg) -> int:
        return self.rows[leg.programme, leg.terms_version] << 248 | leg.word()

    def signer(self, o: SignerChange) -> tuple[Any, ...]:
        return o.op_id, o.account, o.signer, o.flags, o.accepted_at, o.valid_until, o.authorisation

    def write(self, o: Operation) -> list[Any]:
        match o:
            case Issue():
                return [o.op_id, o.account, o.accepted_at, o.reason, self.word(o.leg)]
            case Expire():
                return [o.op_id, o.account, o.accepted_at, self.word(o.leg)]
            case Redeem():
                return [
                    o.op_id, o.account, o.nonce, o.max_value_micros, o.valid_until, o.accepted_at, o.flags,
                    [self.word(leg) for leg in o.legs], o.signature,
                ]  # fmt: skip
            case Gift():
                return [
                    o.op_id, o.account, o.recipient, o.nonce, o.valid_until, o.accepted_at,
                    [self.word(leg) for leg in o.legs], o.signature,
                ]  # fmt: skip
            case Restore():
                was = self.placed[o.original_leaf]
                return [
                    o.op_id, o.account, o.accepted_at, was.batch, redeem_ref(was.operation), o.leg_index,
                    self.word(o.leg), was.proof,
                ]  # fmt: skip
            case Clawback():
                was = self.placed[o.original_leaf]
                first = was.operation
                return [
                    o.op_id, o.account, o.accepted_at, was.batch,
                    [first.op_id, first.accepted_at, first.reason, first.leg.word()],
                    [self.word(leg) for leg in o.legs], was.proof,
                ]  # fmt: skip
        raise TypeError(o)


def redeem_ref(o: Any) -> list[Any]:
    legs = [leg.word() for leg in o.legs]
    return [o.op_id, o.merchant, o.nonce, o.accepted_at, o.flags, o.permit_digest, legs]


def sign_registry(alliance: Alliance, key: bytes, type_: str, *members: int | bytes) -> bytes:
    """A signature in the registry's EIP-712 domain."""
    return sign_digest(key, Domain(CHAIN_ID, alliance.registry).digest(struct_hash(type_, *members)))


def _with(operation: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(operation, **changes)


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    return tuple(_plain(v) for v in value) if isinstance(value, tuple | list) else value
