"""Agreeing on a closed period and settling it, from a command beside the bridge (`alliance settle`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ledger_service.bootstrap.beside_bridge import replay_stamp, steps_beside_bridge
from ledger_service.bootstrap.foundations import Foundations, background_clock
from ledger_service.bootstrap.kept_figures import kept_statements
from ledger_service.bootstrap.off_desk import payments_off_desk
from ledger_service.bootstrap.owner_papers import owner_dues
from ledger_service.bootstrap.period_papers import alliances_of
from ledger_service.chain.arbitration import Arbitration
from ledger_service.chain.errors import CloseNotFinal, PeriodNotOpen
from ledger_service.chain.period_lines import period_lines
from ledger_service.chain.reserves.coverage import in_default
from ledger_service.chain.settlement_office import HeldOut, Round, SettlementOffice
from ledger_service.chain.status import close_of, merchants_admitted, open_period
from ledger_service.config import Settings
from ledger_service.custody.requests import SignSettlement
from ledger_service.kernel import settlement_words as words
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.kernel.settlement_words import Decided, Held
from ledger_service.settlement.bank.accounts import BankAccount
from ledger_service.settlement.bank.off_desk import OffDesk, mark_off_desk
from ledger_service.settlement.bank.receipts import Due
from ledger_service.settlement.bank.references import tag_of
from ledger_service.settlement.errors import PeriodNotPublished, SettlementNotOffered
from ledger_service.settlement.netting import Payout, payouts_of, rounded
from ledger_service.settlement.statements import pair_of, payout_word, statements_of


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a period's settlement stands: its round, members by place, nets, minor units and payouts."""

    period: int
    round: Round
    members: list[int]
    nets: dict[int, int]
    minors: dict[int, int]
    payouts: list[Payout]
    held: dict[tuple[int, int], HeldOut]
    in_default: frozenset[int] = frozenset()

    def confirmed(self, merchant: int) -> bool:
        """Whether the merchant has confirmed its net."""
        return bool(self.round.confirmed >> self.members.index(merchant) & 1)

    @property
    def netted(self) -> bool:
        """Whether the payouts stand on chain."""
        return self.round.root != bytes(32)

    def paid(self, index: int) -> bool:
        """Whether the payout is marked as paid."""
        return bool(self.round.paid >> index & 1)


@contextmanager
def agreement(settings: Settings) -> Iterator[Agreement]:
    """The parts, over database, node and custody of the settings; closed at the end.

    Raises:
        SettlementNotOffered: the alliance has no SettlementDesk.
    """
    with steps_beside_bridge(settings) as (foundations, steps):
        desk = foundations.alliance.settlement_desk
        if desk is None:
            raise SettlementNotOffered()
        yield Agreement(foundations, SettlementOffice(steps, desk), desk)


class Agreement:
    """What operator and merchants do about a closed period. Every step is done once, however often asked."""

    def __init__(self, foundations: Foundations, office: SettlementOffice, desk: bytes) -> None:
        self._foundations, self._office, self._desk = foundations, office, desk
        self._stamp = replay_stamp(foundations)

    def publish(self, period: int, days: int) -> Standing:
        """The statements stand, and wait for answers for so many days.

        Raises:
            PeriodNotOpen: the period is not closed.
            CloseNotFinal: a reorganisation could still change what the period holds.
            AdminRefused: the desk refuses: the period before is not settled, or the time is too short.
        """
        with self._foundations.database.snapshot() as conn:
            now = open_period(conn) or 1
            if period >= now:
                raise PeriodNotOpen(period, now)
            block, final = close_of(conn, period)
            if block > final:
                raise CloseNotFinal(period, block, final)
            merchants = merchants_admitted(conn)
        self._office.enlist(merchants, self._stamp)
        clock = background_clock(self._foundations.settings, self._foundations.database)
        until = seconds_floor(clock.now() + timedelta(days=days))
        self._office.publish(period, self._statements(period).root, until, self._stamp)
        return self.standing(period)

    def confirm(self, period: int, merchants: Sequence[int]) -> Standing:
        """The merchants' settlement keys, held in custody, confirm their nets as they stand."""
        round_ = self._published(period)
        for merchant, micros in self._office.nets(period, merchants).items():
            told = words.confirmation(period, merchant, micros, round_.statements)
            signature = self._signed(merchant, words.CONFIRMATION, told)
            self._office.confirm(period, (merchant, micros, signature), self._stamp)
        return self.standing(period)

    def relay_confirmation(self, period: int, word: tuple[int, int], signature: bytes) -> None:
        """A merchant's own word on its net (merchant, micros) goes to the desk.

        Raises:
            PeriodNotPublished: there is nothing to confirm yet.
            AdminRefused: another net, another key, or too late.
        """
        self._published(period)
        self._office.confirm(period, (*word, signature), self._stamp)

    def dispute(self, period: int, pair: tuple[int, int], by: int, what: tuple[int, Path]) -> Standing:
        """A part of what one owes the other is held out, by the word of one of the two.

        Args:
            period: whose.
            pair: debtor and creditor.
            by: the one that disputes; its settlement key is in custody.
            what: micros, and the file of the evidence, of which the chain gets the SHA-256.

        Raises:
            NoSuchPair: no such line.
            AdminRefused: more than the line, disputed before, or too late.
        """
        held = Held(period, *pair, by, what[0], digest_of(what[1]))
        self.relay_dispute(held, self._signed(by, words.DISPUTE, held.words()))
        return self.standing(period)

    def relay_dispute(self, held: Held, signature: bytes) -> None:
        """A merchant's own word that a part of a line is not owed goes to the desk; raises as ``dispute``."""
        self._published(held.period)
        statements = self._statements(held.period)
        line = pair_of(statements, held.period, held.debtor, held.creditor)
        told = (line.period, line.debtor, line.creditor, line.owed_micros, line.detail)
        word = (held.by, held.micros, held.evidence, signature)
        self._office.dispute(told, statements.proof(line), word, self._stamp)

    def resolve(self, period: int, pair: tuple[int, int], pay_micros: int) -> Standing:
        """Both have decided what of the held amount is owed; it counts in the period published next."""
        told = words.resolution(period, *pair, pay_micros)
        debtor, creditor = (self._signed(m, words.RESOLUTION, told) for m in pair)
        self.relay_resolution(period, pair, pay_micros, (debtor, creditor))
        return self.standing(period)

    def relay_resolution(
        self, period: int, pair: tuple[int, int], pay_micros: int, signatures: tuple[bytes, bytes]
    ) -> None:
        """The words of debtor and creditor on what is held go to the desk.

        Raises:
            PeriodNotPublished: nothing is held of it.
            AdminRefused: nothing is held, or less; or another key.
        """
        self._published(period)
        self._office.resolve((period, *pair), pay_micros, signatures, self._stamp)

    def arbitrate(self, decided: Decided, evidence: bytes) -> int:
        """The board decides what of a held amount is owed; see ``Arbitration.decide``.

        Raises:
            PeriodNotPublished: nothing is held of it.
        """
        self._published(decided.period)
        clock = background_clock(self._foundations.settings, self._foundations.database)
        now, board = seconds_floor(clock.now()), Arbitration(self._office, self._foundations.alliance.manager)
        return board.decide(decided, evidence, now, replay_stamp(self._foundations))

    def net(self, period: int) -> Standing:
        """The period is netted: its payouts stand on chain.

        Raises:
            AdminRefused: not everybody has confirmed and the date has not come.
        """
        standing = self.standing(period)
        places = {merchant: place for place, merchant in enumerate(standing.members)}
        self._office.settle(period, [payout_word(p, places) for p in standing.payouts], self._stamp)
        return self.standing(period)

    def mark_paid(self, period: int, payouts: list[int], evidence: Path) -> Standing:
        """These payouts, by index, are paid as the bank's word says."""
        return self.mark_paid_by(period, payouts, digest_of(evidence))

    def mark_paid_by(self, period: int, payouts: list[int], evidence: bytes) -> Standing:
        """These payouts, by index, are paid; the evidence is the SHA-256 of what says so."""
        self._office.mark_paid(period, sum(1 << i for i in set(payouts)), evidence, self._stamp)
        return self.standing(period)

    def dues(self, period: int, own: BankAccount) -> list[Due]:
        """What a closed period's lines owe the owners of a merchant's stores."""
        with self._foundations.database.snapshot() as conn:
            return owner_dues(conn, period, own)

    def off_desk(self, period: int) -> OffDesk:
        """What is paid for a closed period beside the desk: pools, and coupons by their funders."""
        whose = alliances_of(self._foundations.alliance)
        with self._foundations.database.snapshot() as conn:
            return payments_off_desk(conn, whose, period, anew=True)

    def mark_paid_off_desk(self, period: int, payouts: Mapping[int, Payout], evidence: bytes) -> None:
        """These of them, by number, are paid; the chain knows nothing of them."""
        clock = background_clock(self._foundations.settings, self._foundations.database)
        with self._foundations.database.begin() as conn:
            mark_off_desk(conn, period, payouts, evidence, clock.now())

    @property
    def tag(self) -> str:
        """What tells this alliance's payment references from those of any other."""
        return tag_of(self._foundations.alliance.chain_id, self._desk)

    @property
    def currency(self) -> str:
        """The settlement currency."""
        return self._foundations.alliance.currency

    def standing(self, period: int) -> Standing:
        """Where the period's settlement stands at the head.

        Raises:
            PeriodNotPublished: it has not begun.
        """
        round_ = self._published(period)
        members = self._office.members()[: round_.count]
        nets = dict(self._office.nets(period, members))
        one_minor = micros_of_minor(1, exponent_of(self._foundations.alliance.currency))
        minors = rounded(nets, one_minor)
        # Lines are read only where something is held: a standing is looked at often.
        lines = self._statements(period).lines if round_.adjusted else ()
        held = {(x.debtor, x.creditor): self._office.held(period, x.debtor, x.creditor) for x in lines}
        disputed = {pair: one for pair, one in held.items() if one.deadline}
        payouts = payouts_of(minors)
        return Standing(period, round_, members, nets, minors, payouts, disputed, self.in_default())

    def in_default(self) -> frozenset[int]:
        """The merchants whose reserve pays for them now."""
        clock = background_clock(self._foundations.settings, self._foundations.database)
        with self._foundations.database.snapshot() as conn:
            return in_default(conn, seconds_floor(clock.now()))

    def last_published(self) -> int:
        """The last period whose statements are published; 0 for none."""
        return self._office.last_published()

    def round(self, period: int) -> Round:
        """The desk's own figures of a period; ``until`` is 0 before it is published."""
        return self._office.round(period)

    def _published(self, period: int) -> Round:
        round_ = self._office.round(period)
        if not round_.until:
            raise PeriodNotPublished(period)
        return round_

    def _statements(self, period: int) -> words.Statements:
        """As the bridge kept them; until then from the period's lines, which takes time for a million."""
        with self._foundations.database.snapshot() as conn:
            return kept_statements(conn, period) or statements_of(period, period_lines(conn, period))

    def _signed(self, merchant: int, kind: str, told: words.Words) -> bytes:
        return self._foundations.custody.sign_settlement(SignSettlement(merchant, self._desk, kind, told))


def digest_of(path: Path) -> bytes:
    """The SHA-256 of a file: what the chain is told of evidence."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
