"""A closed period with debts in every direction, and what operator and merchants do about it."""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import keccak256, sign_digest
from ledger_service.kernel.settlement_words import (
    CONFIRMATION,
    DISPUTE,
    NAME,
    RESOLUTION,
    PairLine,
    Statements,
    Words,
    confirmation,
    dispute,
    resolution,
    struct_of,
)
from ledger_service.settlement.netting import payouts_of, rounded
from tests.contracts.alliance import Alliance
from tests.contracts.evm import CHAIN_ID, Receipt
from tests.contracts.parties import CENT, DAY, HOUSE, OPERATOR, SETTLEMENT, STRANGER, Member, Merchant

EVIDENCE = keccak256(b"what was found")
WINDOW = 5 * DAY


class Period:
    """Period 1 closed with debts in both directions, and its statements."""

    def __init__(self, alliance: Alliance, ann: Member) -> None:
        self.alliance, (one, two, three) = alliance, alliance.merchants[:3]
        alliance.apply(
            alliance.redeem(ann, two, [Leg(1, 1, 5, 333)]),
            alliance.redeem(ann, three, [Leg(1, 1, 5, 77), Leg(2, 1, 5, 101)]),
        )
        alliance.apply(alliance.redeem(ann, one, [Leg(2, 1, 5, 19)]))
        alliance.transact(OPERATOR, HOUSE, "closePeriod", 1)
        owed = {(1, 2): 333 * 9_850, (1, 3): 77 * 9_850, (2, 3): 101 * 4_925, (2, 1): 19 * 4_925}
        glns = [0, one.gln, two.gln, three.gln]
        self.lines = {
            pair: PairLine(1, glns[pair[0]], glns[pair[1]], micros, keccak256(bytes(pair)))
            for pair, micros in owed.items()
        }
        self.statements = Statements(tuple(self.lines.values()))
        self.until = alliance.evm.now + WINDOW
        self.members = b""

    def enlist(self, merchants: Sequence[Merchant] = ()) -> None:
        for merchant in merchants or self.alliance.merchants:
            self.alliance.transact(STRANGER, SETTLEMENT, "enlist", merchant.gln)
            self.members += merchant.gln.to_bytes(8, "big")

    def publish(self) -> None:
        self.alliance.transact(OPERATOR, SETTLEMENT, "publish", 1, self.statements.root, self.until)

    def sign(self, merchant: Merchant, kind: str, words: Words, told: Merchant | None = None) -> bytes:
        """The merchant's signature of what another one should have said."""
        domain = Domain(CHAIN_ID, self.alliance.settlement_desk, NAME)
        struct = struct_of(kind, words, (told or merchant).gln)
        assert struct is not None
        return sign_digest(merchant.settlement, domain.digest(struct))

    def net_of(self, gln: int, period: int = 1) -> int:
        return int(self.alliance.ask(SETTLEMENT, "netOf", period, gln)[0])

    def net(self, merchant: Merchant, period: int = 1) -> int:
        return self.net_of(merchant.gln, period)

    def confirm(
        self, merchant: Merchant, micros: int | None = None, signer: Merchant | None = None
    ) -> Receipt:
        net = self.net(merchant) if micros is None else micros
        signature = self.sign(
            signer or merchant,
            CONFIRMATION,
            confirmation(1, merchant.gln, net, self.statements.root),
            merchant,
        )
        return self.alliance.transact(STRANGER, SETTLEMENT, "confirm", 1, merchant.gln, net, signature)

    def dispute(
        self, pair: tuple[int, int], by: Merchant, micros: int, line: PairLine | None = None
    ) -> Receipt:
        told = line or self.lines[pair]
        proof = self.statements.proof(self.lines[pair])
        words = (told.period, told.debtor, told.creditor, told.owed_micros, told.detail)
        signature = self.sign(by, DISPUTE, dispute(told, by.gln, micros, EVIDENCE))
        return self.alliance.transact(
            STRANGER, SETTLEMENT, "dispute", words, proof, by.gln, micros, EVIDENCE, signature
        )

    def resolve(self, pair: tuple[int, int], micros: int, signers: tuple[Merchant, Merchant]) -> Receipt:
        line = self.lines[pair]
        words = resolution(1, line.debtor, line.creditor, micros)
        told = self.alliance.merchants[pair[0] - 1]
        signatures = (self.sign(signer, RESOLUTION, words, told) for signer in signers)
        return self.alliance.transact(
            STRANGER, SETTLEMENT, "resolve", 1, line.debtor, line.creditor, micros, *signatures
        )

    def payouts(self, minors: list[int] | None = None) -> list[int]:
        """The words of the payouts that everybody computes, or of those that others' minor units need."""
        glns = [m.gln for m in self.alliance.merchants]
        fair = rounded({gln: self.net_of(gln) for gln in glns}, CENT)
        told = fair if minors is None else dict(zip(glns, minors, strict=True))
        return [glns.index(p.payer) << 72 | glns.index(p.payee) << 64 | p.minor for p in payouts_of(told)]

    def minors(self) -> list[int]:
        glns = [m.gln for m in self.alliance.merchants]
        fair = rounded({gln: self.net_of(gln) for gln in glns}, CENT)
        return [fair[gln] for gln in glns]

    def settle(self, payouts: list[int] | None = None) -> Receipt:
        given = self.payouts() if payouts is None else payouts
        return self.alliance.transact(OPERATOR, SETTLEMENT, "settle", 1, self.members, given)

    def round(self) -> tuple[object, ...]:
        return tuple(self.alliance.ask(SETTLEMENT, "roundOf", 1)[0])
