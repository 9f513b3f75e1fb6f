"""Random histories of batches for the contracts and their model: good operations and every kind of bad."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from ledger_service.kernel.operations import Clawback, Issue, Operation, Redeem, Restore, SignerChange
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance, Batch, sign_registry
from tests.contracts.evm import Reverted
from tests.contracts.parties import CAP, DAY, HOUSE, OPERATOR, REGISTRY, STRANGER, Member

MEMBERS = [Member.numbered(n) for n in range(1, 5)]
TERMS = (
    "TermsProposal(uint32 programme,uint16 version,uint40 effectiveFrom,uint64 pointValueMicros,"
    "uint16 feeBps,uint64 issuanceCap,uint16 validityEpochs)"
)
BAD_TIMES = (-8 * DAY, -7 * DAY - 1, -7 * DAY, -3600, -61, -1, 1, 119, 120, 121, 5_000)


class History:
    """One random history on an alliance; the alliance's EVM compares as it goes."""

    def __init__(self, alliance: Alliance, random: Random) -> None:
        self.alliance, self.random = alliance, random
        self.applied = 0
        self.done: list[Operation] = []
        self.versions = {1: 1, 2: 1, 3: 1}
        self.flags = [0, 0, 1, 0]
        alliance.apply(*(alliance.enrol(m, f) for m, f in zip(MEMBERS, self.flags, strict=True)))
        self.done += alliance.apply(*(self.gain(m, p) for m in MEMBERS for p in (1, 2, 3))).operations

    def gain(self, member: Member, programme: int) -> Issue:
        return self.alliance.issue(member, Leg(programme, 1, self.random.choice([2, 3, 4, 5]), 20_000))

    def step(self) -> None:
        """One transaction, or some time."""
        act = self.random.choices(
            [
                self.batch,
                self.wait,
                self.suspend,
                self.terms,
                self.epochs,
                self.period,
                self.rotate,
                self.pause,
            ],
            [70, 12, 4, 5, 2, 3, 2, 1],
        )[0]
        try:
            act()
        except Reverted:
            return

    # Batches

    def batch(self) -> None:
        operations: list[Operation] = []
        for _ in range(self.random.choice([1, 1, 1, 1, 2, 2, 3, 5])):
            made = self.operation()
            if made is not None:
                operations.append(self.spoilt(made))
        if operations:
            falsify = self.falsified if self.random.random() < 0.08 else None
            done = self.alliance.apply(*operations, falsify=falsify)
            self.done += done.operations
            self.applied += 1

    def operation(self) -> Operation | None:
        r, who = self.random, self.random.randrange(4)
        member = MEMBERS[who]
        programme = r.randint(1, 3)
        epochs = [
            e
            for (a, p, e), n in self.alliance.evm.state.lots.items()
            if (a, p) == (member.account, programme)
        ]  # type: ignore[attr-defined]  # a Twin
        epoch = r.choice([*epochs, *epochs, 1, 2, 3, 5, 13])
        leg = Leg(programme, self.version(programme), epoch, r.choice([1, 7, 90, 500, 4_500]))
        if r.random() < 0.02:
            leg = replace(leg, amount=CAP)
        acceptor = r.choice(self.alliance.merchants)
        kind = r.choices(
            ["enrol", "issue", "redeem", "restore", "claw", "gift", "expire"], [4, 20, 45, 14, 8, 10, 5]
        )[0]
        match kind:
            case "enrol":
                return self.signer(member, self.flags[who])
            case "issue":
                return self.alliance.issue(member, leg)
            case "redeem":
                return self.redeem(member, acceptor, leg)
            case "gift":
                return self.alliance.gift(
                    member, r.choice(MEMBERS).account, [leg, replace(leg, epoch=2)][: r.randint(1, 2)]
                )
            case "expire":
                return self.alliance.expire(member, leg)
            case "restore":
                return self.restore()
        return self.claw()

    def version(self, programme: int) -> int:
        return self.random.randint(1, self.versions[programme] + (self.random.random() < 0.03))

    def signer(self, member: Member, flags: int) -> SignerChange:
        r = self.random
        change = self.alliance.enrol(member, flags | r.choice([0, 0, 0, 4, 8]))
        if r.random() < 0.3:
            change = replace(
                change,
                signer=r.choice(MEMBERS).signer,
                valid_until=self.alliance.evm.now + r.choice([-5, 60]),
            )
            change = self.alliance.grant(r.choice(MEMBERS).key, change)
        return change

    def redeem(self, member: Member, acceptor: Any, leg: Leg) -> Redeem:
        r = self.random
        legs = [leg, replace(leg, programme=leg.programme % 3 + 1, terms_version=1), replace(leg, epoch=4)]
        changes: dict[str, Any] = {"max_value_micros": r.choice([10**6, 10**12, 10**12])}
        past = [o for o in self.done if isinstance(o, Redeem)]
        if past and r.random() < 0.25:  # the same permit again: used, or a further capture of a series
            old = r.choice(past)
            same = {
                name: getattr(old, name) for name in ("nonce", "max_value_micros", "valid_until", "flags")
            }
            owner = next(m for m in MEMBERS if m.account == old.account)
            acceptor = acceptor if r.random() < 0.3 else self.merchant_of(old.merchant)
            same["accepted_at"] = old.accepted_at
            return self.alliance.redeem(owner, acceptor, [replace(legs[0], amount=1)], **same)
        if r.random() < 0.4:
            changes["flags"] = r.choice([1, 1, 1, 1, 1, 1, 2, 4])
        return self.alliance.redeem(member, acceptor, legs[: r.randint(1, 3)], **changes)

    def restore(self) -> Operation | None:
        past = [o for o in self.done if isinstance(o, Redeem)]
        if not past:
            return None
        was = self.random.choice(past)
        index = self.random.randint(0, len(was.legs) - (self.random.random() < 0.9))
        most = was.legs[min(index, len(was.legs) - 1)].amount
        epoch = self.random.choice([was.legs[0].epoch, was.legs[0].epoch, 5, 12])
        return self.alliance.restore(was, index, self.random.randint(1, most), epoch=epoch)

    def claw(self) -> Operation | None:
        past = [o for o in self.done if isinstance(o, Issue)]
        if not past:
            return None
        was = self.random.choice(past)
        part = replace(was.leg, amount=self.random.randint(1, was.leg.amount))
        legs = [part, replace(part, epoch=2, amount=1), replace(part, programme=part.programme % 3 + 1)]
        return self.alliance.claw_back(was, legs[: self.random.choice([1, 1, 2, 3])])

    def spoilt(self, operation: Operation) -> Operation:
        """Now and then something about it is wrong."""
        r, now = self.random, self.alliance.evm.now
        roll = r.random()
        if roll < 0.04:
            return replace(operation, accepted_at=now + r.choice(BAD_TIMES))
        if roll < 0.05 and isinstance(operation, Issue):
            return replace(
                operation, **r.choice([{"reason": 3}, {"account": bytes(20)}, {"merchant": self.gln()}])
            )
        if roll < 0.07 and isinstance(operation, Redeem):
            broken = [{"signature": b"\x01" * 65}, {"signature": b""}, {"nonce": operation.nonce + 1}]
            return replace(operation, **r.choice(broken))
        if roll < 0.08 and not isinstance(operation, SignerChange):
            return replace(operation, merchant=self.gln())
        if roll < 0.09 and isinstance(operation, Restore | Clawback):
            return replace(operation, account=r.choice(MEMBERS).account)
        return operation

    def merchant_of(self, gln: int) -> Any:
        return next((m for m in self.alliance.merchants if m.gln == gln), self.alliance.merchants[0])

    def gln(self) -> int:
        return self.random.choice(self.alliance.merchants).gln

    def falsified(self, batch: Batch) -> None:
        """Something about the batch is wrong after it was signed."""
        reversals = [row for piece in batch.slices for kind in (3, 6) for row in piece[kind]]
        match self.random.randrange(6):
            case 0:
                batch.number = max(batch.number - self.random.randint(0, 2), 0)
            case 1:
                batch.table = batch.table[::-1] + batch.table[:1]
            case 2 if batch.slices:
                batch.slices.append(batch.slices[0])
            case 3 if batch.slices:
                batch.slices[0][1] = b"\x02" * 65
            case 4 | 5 if reversals:
                self.random.choice(reversals)[1] = self.random.choice(MEMBERS).account
            case _:
                batch.slices = [[12345, *piece[1:]] for piece in batch.slices]

    # The rest

    def wait(self) -> None:
        self.alliance.evm.now += self.random.choice([1, 30, 3600, DAY, 5 * DAY, 20 * DAY])

    def suspend(self) -> None:
        gln, since = self.gln(), self.alliance.evm.now + self.random.choice([-1, 0, 60])
        if self.random.random() < 0.5:
            self.alliance.transact(OPERATOR, REGISTRY, "suspendMerchant", gln, since)
        else:
            self.alliance.transact(OPERATOR, REGISTRY, "reinstateMerchant", gln)

    def terms(self) -> None:
        programme = self.random.randint(1, 3)
        notice = self.random.choice([8 * DAY, 8 * DAY - 1, 9 * DAY])
        cap = self.random.choice([CAP, 10_000, 0])
        terms = (self.alliance.evm.now + notice, self.random.choice([4_000, 12_345]), 200, cap, 4)
        admin = self.alliance.merchant_of(programme).admin
        by = sign_registry(self.alliance, admin, TERMS, programme, self.versions[programme] + 1, *terms)
        self.alliance.transact(STRANGER, REGISTRY, "publishTerms", programme, terms, by)
        self.versions[programme] += 1

    def epochs(self) -> None:
        last = self.alliance.ask(REGISTRY, "programme", 1)[0][3]
        end = self.alliance.ask(REGISTRY, "epochEnd", 1, last)[0]
        ends = self.random.choice([[end + 5, end + 9], [end], []])
        self.alliance.transact(OPERATOR, REGISTRY, "appendEpochs", 1, ends)

    def period(self) -> None:
        sender = self.random.choice([OPERATOR, OPERATOR, STRANGER])
        self.alliance.transact(sender, HOUSE, "closePeriod", self.alliance.period)
        self.alliance.period += 1

    def rotate(self) -> None:
        gln = self.gln()
        self.alliance.transact(STRANGER, REGISTRY, "rotateKeys", gln, (b"\x01" * 20,) * 3, b"\x03" * 65)

    def pause(self) -> None:
        self.alliance.transact(STRANGER, HOUSE, "pause")
