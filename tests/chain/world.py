"""An alliance for tests: keys, members with devices, a small ledger doing what the contract will accept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import Connection

from ledger_service.chain.admin import Admin, MerchantOnChain, ProgrammeOnChain, Steps, TermsOnChain
from ledger_service.chain.bridge import Bridge, Job, Wiring
from ledger_service.chain.client import Node
from ledger_service.chain.delivery import LiveDelivery, ReplayDelivery
from ledger_service.chain.deploy import Deployment, MoneyRules, deploy
from ledger_service.chain.desk import Desk
from ledger_service.chain.ports import Handler, SliceToSign
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.engine import Database
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.events import ChainEvent
from ledger_service.kernel.operations import (
    AccountMove,
    Clawback,
    Expire,
    Extend,
    Gift,
    Issue,
    MoveReason,
    Operation,
    Redeem,
    Restore,
    SignerChange,
)
from ledger_service.kernel.permits import GiftPermit, MovePermit, SpendPermit, nonce_of, slice_struct_hash
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.outbox.service import NewIntent, enqueue_now
from tests.chain.networks import APPROVER_KEY, LONG_AGO, OPERATOR_KEY, RELAYER_KEY

MERCHANTS = (9501101530003, 9501101530010)
DAY = 86_400
NEVER = 2**40 - 1


def wall() -> datetime:
    return datetime.now(UTC)


def merchant_key(merchant: int, purpose: str) -> bytes:
    return keccak256(f"{merchant}:{purpose}".encode())


@dataclass
class LocalKeys:
    """A custody that lives in the test."""

    domain: Domain | None = None
    missing: set[int] = field(default_factory=set)
    wrong: set[int] = field(default_factory=set)
    keys: dict[str, bytes] = field(
        default_factory=lambda: {
            "relayer": RELAYER_KEY, "operator": OPERATOR_KEY, "approver": APPROVER_KEY,
        }
    )  # fmt: skip

    def sign_slices(self, slices: Sequence[SliceToSign]) -> list[bytes | None]:
        return [None if s.merchant in self.missing else self._sign(s) for s in slices]

    def _sign(self, piece: SliceToSign) -> bytes:
        assert self.domain is not None
        purpose = "stranger" if piece.merchant in self.wrong else "operations"
        domain = self.domain
        if piece.beside is not None:
            domain = Domain(domain.chain_id, piece.beside, "Alliance Batches")
        digest = domain.digest(slice_struct_hash(piece.batch, piece.merchant, piece.leaves))
        return sign_digest(merchant_key(piece.merchant, purpose), digest)

    def sign_transaction(self, key: str, unsigned: bytes) -> bytes:
        return sign_digest(self.keys[key], keccak256(unsigned))

    def address_of(self, key: str) -> bytes:
        return address_of_key(self.keys[key])


@dataclass(frozen=True)
class Member:
    account: bytes
    key: bytes


def member(number: int) -> Member:
    return Member(keccak256(f"account {number}".encode())[12:], keccak256(f"device {number}".encode()))


@dataclass
class Book:
    """What the SQL ledger would hold: balances by account, programme and epoch; fulfils ``LedgerView``."""

    balances: Counter[tuple[bytes, int, int]] = field(default_factory=Counter)

    def lots(self, conn: Connection) -> Iterable[tuple[bytes, int, int, int]]:
        return [(*key, points) for key, points in sorted(self.balances.items()) if points]

    postings = lots


class World:
    """Two merchants with a programme each on a deployed alliance, with operations as of the checkout."""

    def __init__(
        self, database: Database, node: Node, settings: ChainSettings, now: int | None = None
    ) -> None:
        self.database, self.node, self.settings = database, node, settings
        self.keys, self.book = LocalKeys(), Book()
        self.told: list[ChainEvent] = []
        self.deployment: Deployment | None = None
        self._ids = count(1)
        self._counters: Counter[bytes] = Counter()
        self._fixed_now = now
        self.members = [member(n) for n in range(6)]

    def now(self) -> int:
        """The acceptance time: fixed in replay, else the wall clock."""
        return self._fixed_now or int(wall().timestamp())

    def advance(self, seconds: int) -> None:
        assert self._fixed_now is not None
        self._fixed_now += seconds

    def found(self) -> None:
        """Deploy, admit both merchants, create their programmes."""
        delivery = ReplayDelivery(self.node) if self.settings.replay else LiveDelivery(self.node)
        steps = Steps(Desk.unfenced(self.database, wall), self.node, self.keys, delivery, self.settings)
        stamp = self._fixed_now
        self.deployment = deploy(steps, MoneyRules(50_000_000, 100_000_000, 10_000), stamp)
        admin = Admin(steps, self.deployment.contracts)
        for number, merchant in enumerate(MERCHANTS, start=1):
            keys = (address_of_key(merchant_key(merchant, p)) for p in ("admin", "operations", "settlement"))
            admin.admit_merchant(MerchantOnChain(merchant, *keys), stamp)
            ends = (self.now() + 30 * DAY, self.now() + 120 * DAY, NEVER)
            terms = TermsOnChain(LONG_AGO, 10_000 * number, 150, 10**12, 2)
            made = ProgrammeOnChain(merchant, f"Points {number}", f"P{number}", ends, terms)
            assert admin.create_programme(f"P{number}", made, stamp)[0] == number
        self.begin_with(self.deployment)

    def begin_with(self, deployment: Deployment) -> None:
        """The alliance that stands on the chain, by whomever it was founded."""
        self.deployment = deployment
        self.keys.domain = Domain(self.node.chain_id, deployment.contracts.clearing_house)

    def bridge(
        self,
        holder: str = "one",
        handlers: tuple[Handler, ...] = (),
        jobs: tuple[Job, ...] = (),
        chain_id: int | None = None,
        **changes: object,
    ) -> Bridge:
        """A bridge process as it would start now."""
        assert self.deployment is not None
        settings = replace(self.settings, **changes)  # type: ignore[arg-type]  # the test names fields
        desk = Desk(self.database, holder, wall, settings.lease_seconds)
        handlers = (*handlers, lambda conn, events: self.told.extend(events))
        at = self.deployment.contracts
        return Bridge(
            Wiring(self.database, self.node, self.keys, at, settings, desk, handlers, jobs, chain_id)
        )

    # Operations

    def op_id(self) -> bytes:
        return keccak256(f"op {next(self._ids)}".encode())[:16]

    def nonce(self, who: Member) -> int:
        self._counters[who.account] += 1
        return nonce_of(1, self._counters[who.account])

    def signer(self, who: Member) -> SignerChange:
        return SignerChange(self.op_id(), who.account, address_of_key(who.key), 0, self.now(), 0, b"")

    def issue(self, who: Member, programme: int, amount: int, epoch: int = 1) -> Issue:
        self.book.balances[who.account, programme, epoch] += amount
        leg = Leg(programme, 1, epoch, amount)
        return Issue(self.op_id(), MERCHANTS[programme - 1], who.account, self.now(), 0, leg)

    def redeem(self, who: Member, merchant: int, *legs: tuple[int, int], epoch: int = 1) -> Redeem:
        assert self.keys.domain is not None
        words = tuple(Leg(programme, 1, epoch, amount) for programme, amount in legs)
        for leg in words:
            self.book.balances[who.account, leg.programme, epoch] -= leg.amount
        permit = SpendPermit(who.account, self.nonce(who), 10**9, self.now() + 60)
        digest = self.keys.domain.digest(permit.struct_hash())
        return Redeem(
            self.op_id(),
            merchant,
            who.account,
            permit.nonce,
            permit.max_value_micros,
            permit.valid_until,
            self.now(),
            0,
            digest,
            words,
            sign_digest(who.key, digest),
        )

    def gift(self, who: Member, to: Member, programme: int, amount: int) -> Gift:
        assert self.keys.domain is not None
        self.book.balances[who.account, programme, 1] -= amount
        self.book.balances[to.account, programme, 1] += amount
        legs = (Leg(programme, 1, 1, amount),)
        permit = GiftPermit(who.account, to.account, self.nonce(who), self.now() + 60, legs)
        digest = self.keys.domain.digest(permit.struct_hash())
        return Gift(
            self.op_id(),
            MERCHANTS[programme - 1],
            who.account,
            to.account,
            permit.nonce,
            permit.valid_until,
            self.now(),
            digest,
            legs,
            sign_digest(who.key, digest),
        )

    def restore(
        self, original: Redeem, leg_index: int, amount: int, epoch: int = 1, account: bytes = b""
    ) -> Restore:
        leg = original.legs[leg_index]
        account = account or original.account
        self.book.balances[account, leg.programme, epoch] += amount
        back = Leg(leg.programme, leg.terms_version, epoch, amount)
        return Restore(
            self.op_id(),
            original.merchant,
            account,
            self.now(),
            original.op_id,
            original.leaf(),
            leg_index,
            back,
        )

    def clawback(self, original: Issue, amount: int) -> Clawback:
        leg = original.leg
        self.book.balances[original.account, leg.programme, leg.epoch] -= amount
        legs = (Leg(leg.programme, 1, leg.epoch, amount),)
        return Clawback(
            self.op_id(),
            original.merchant,
            original.account,
            self.now(),
            original.op_id,
            original.leaf(),
            legs,
        )

    def expire(self, who: Member, programme: int, epoch: int) -> Expire:
        amount = self.book.balances.pop((who.account, programme, epoch))
        leg = Leg(programme, 1, epoch, amount)
        return Expire(self.op_id(), MERCHANTS[programme - 1], who.account, self.now(), leg)

    def extend(self, who: Member, programme: int, lot: tuple[int, int], amount: int) -> Extend:
        """``amount`` of the member's points leave the first epoch of ``lot`` for the second."""
        epoch, into = lot
        self.book.balances[who.account, programme, epoch] -= amount
        self.book.balances[who.account, programme, into] += amount
        leg = Leg(programme, 0, epoch, amount)
        return Extend(self.op_id(), MERCHANTS[programme - 1], who.account, self.now(), leg, into)

    def rotate(self, who: Member, new: Member) -> AccountMove:
        """All that the member has is on the new account; its signer must be enrolled before."""
        assert self.keys.domain is not None
        mine = [(p, e) for (account, p, e), n in self.book.balances.items() if account == who.account and n]
        held = sorted(mine)
        for programme, epoch in held:
            points = self.book.balances.pop((who.account, programme, epoch))
            self.book.balances[new.account, programme, epoch] += points
        signer, until = address_of_key(new.key), self.now() + 60
        permit = MovePermit(who.account, new.account, signer, until)
        return AccountMove(
            self.op_id(),
            who.account,
            new.account,
            MoveReason.ROTATION,
            self.now(),
            until,
            signer,
            tuple(Leg(programme, 0, epoch, 0) for programme, epoch in held),
            sign_digest(who.key, self.keys.domain.digest(permit.struct_hash())),
        )

    def enqueue(self, *operations: Operation) -> None:
        with self.database.begin() as conn:
            enqueue_now(conn, [NewIntent(operation, None) for operation in operations], wall())
