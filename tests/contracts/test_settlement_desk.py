"""A period's settlement on chain: rivals confirm, dispute and are paid, and nobody can settle anything else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger_service.kernel.points import Leg
from ledger_service.kernel.settlement_words import CONFIRMATION, confirmation
from tests.contracts.alliance import Alliance
from tests.contracts.parties import (
    ADMIN, CENT, DAY, HOUSE, MANAGER, OPERATOR, REGISTRY, SETTLEMENT, STRANGER, Member, Merchant,
)  # fmt: skip
from tests.contracts.refusals import refused
from tests.contracts.settling import EVIDENCE, WINDOW, Period
from tests.contracts.test_registry import rotate


@pytest.fixture
def closed(rich: Alliance, ann: Member) -> Period:
    made = Period(rich, ann)
    made.enlist()
    return made


@pytest.fixture
def published(closed: Period) -> Period:
    closed.publish()
    return closed


def test_all_confirm_and_are_paid_before_the_date(published: Period) -> None:
    for merchant in published.alliance.merchants:
        published.confirm(merchant)
    published.settle()
    payouts = published.payouts()
    assert 0 < len(payouts) <= 2
    desk = published.alliance
    desk.transact(OPERATOR, SETTLEMENT, "markPaid", 1, 1, EVIDENCE)
    desk.transact(OPERATOR, SETTLEMENT, "markPaid", 1, (1 << len(payouts)) - 1, EVIDENCE)
    assert published.round()[8] == (1 << len(payouts)) - 1
    with refused("SettlementNotOpen", 1):
        published.settle()
    with refused("SettlementNotOpen", 1):
        published.confirm(desk.merchants[0])


def test_silence_until_the_date_is_consent(published: Period) -> None:
    published.confirm(published.alliance.merchants[0])
    with refused("SettlementUnanswered", 1, published.until):
        published.settle()
    published.alliance.evm.now = published.until
    with refused("SettlementNotOpen", 1, published.until):
        published.confirm(published.alliance.merchants[1])
    published.settle()


def test_a_confirmation_is_of_that_net_by_that_key_and_counts_once(published: Period) -> None:
    one, two, _ = published.alliance.merchants
    with refused("SettlementSignatureInvalid", one.gln):
        published.confirm(one, signer=two)
    with refused("SettlementNetDiffers", one.gln, published.net(one) + 1, published.net(one)):
        published.confirm(one, published.net(one) + 1)
    published.confirm(one)
    before = published.round()
    published.confirm(one)
    assert published.round() == before
    stranger = Merchant.numbered(9)
    with refused("SettlementMerchantUnknown", stranger.gln):
        published.confirm(stranger, 0)


def test_a_word_of_another_period_or_of_a_key_that_is_gone_counts_no_more(published: Period) -> None:
    alliance, (one, two, three) = published.alliance, published.alliance.merchants
    for merchant in (one, two, three):
        published.confirm(merchant)
    published.settle()
    alliance.transact(OPERATOR, HOUSE, "closePeriod", 2)
    root = published.statements.root
    alliance.transact(OPERATOR, SETTLEMENT, "publish", 2, root, alliance.evm.now + WINDOW)

    def confirm(period: int) -> None:
        # The same net under the same statements: only the period tells the words apart.
        word = confirmation(period, one.gln, published.net(one, 2), root)
        signature = published.sign(one, CONFIRMATION, word)
        alliance.transact(STRANGER, SETTLEMENT, "confirm", 2, one.gln, published.net(one, 2), signature)

    with refused("SettlementSignatureInvalid", one.gln):
        confirm(1)
    rotate(alliance, one, replace(Merchant.numbered(70), gln=one.gln))
    with refused("SettlementSignatureInvalid", one.gln):
        confirm(2)
    one = replace(Merchant.numbered(70), gln=one.gln)
    confirm(2)


def test_a_disputed_part_is_held_out_and_the_rest_settles(published: Period) -> None:
    one, two, three = published.alliance.merchants
    before = [published.net(m) for m in (one, two, three)]
    published.dispute((1, 2), one, 1_000_000)
    after = [published.net(m) for m in (one, two, three)]
    assert [a - b for a, b in zip(after, before, strict=True)] == [1_000_000, -1_000_000, 0]
    with refused("SettlementDisputed", 1, one.gln, two.gln):
        published.dispute((1, 2), one, 2_000_000)
    published.alliance.evm.now = published.until
    published.settle()
    published.resolve((1, 2), 400_000, (one, two))
    assert [published.net(m, 2) for m in (one, two, three)] == [-400_000, 400_000, 0]
    with refused("SettlementNothingHeld", 1, one.gln, two.gln):
        published.resolve((1, 2), 400_000, (one, two))


def test_who_has_confirmed_before_a_dispute_has_confirmed_another_net(published: Period) -> None:
    one, two, three = published.alliance.merchants
    published.confirm(two)
    published.confirm(three)
    published.dispute((1, 2), one, 1_000_000)
    published.confirm(one)
    with refused("SettlementUnanswered", 1):
        published.settle()
    published.confirm(two)
    published.settle()


def test_what_is_disputed_is_a_proven_line_and_no_more_than_it(published: Period) -> None:
    one, two, three = published.alliance.merchants
    line = published.lines[1, 2]
    with refused("SettlementHeldInvalid", line.owed_micros + 1, line.owed_micros):
        published.dispute((1, 2), one, line.owed_micros + 1)
    with refused("SettlementHeldInvalid", -1):
        published.dispute((1, 2), one, -1)
    with refused("SettlementHeldInvalid", 0):
        published.dispute((1, 2), one, 0)
    with refused("SettlementLineNotProven"):
        published.dispute((1, 2), one, 5, replace(line, owed_micros=line.owed_micros * 2))
    with refused("SettlementNotParty", three.gln):
        published.dispute((1, 2), three, 5)
    # A line is disputed once: the payee would leave the payer no word by disputing a micro first.
    with refused("SettlementNotParty", two.gln):
        published.dispute((1, 2), two, 1)
    published.confirm(one)
    with refused("SettlementConfirmed", 1, one.gln):
        published.dispute((1, 2), one, 5)
    published.alliance.evm.now = published.until
    with refused("SettlementNotOpen", 1):
        published.dispute((1, 2), one, 5)


def test_the_two_decide_or_after_the_deadline_the_board(published: Period) -> None:
    one, two, three = published.alliance.merchants
    published.dispute((1, 2), one, 900_000)
    with refused("SettlementSignatureInvalid", two.gln):
        published.resolve((1, 2), 1, (one, three))
    with refused("SettlementHeldInvalid", 900_001, 900_000):
        published.resolve((1, 2), 900_001, (one, two))
    alliance, line = published.alliance, published.lines[1, 2]
    data = SETTLEMENT.call_data("arbitrate", 1, line.debtor, line.creditor, 900_000, EVIDENCE)
    desk = alliance.settlement_desk
    schedule(alliance, data)
    with refused("SettlementDeadlineAhead", published.until + 30 * DAY):
        alliance.evm.send(ADMIN, desk, data)
    alliance.evm.now = published.until + 30 * DAY
    schedule(alliance, data)
    alliance.evm.send(ADMIN, desk, data)
    assert published.net(two, 2) == 900_000


def schedule(alliance: Alliance, data: bytes) -> None:
    call = MANAGER.call_data("schedule", alliance.settlement_desk, data, 0)
    alliance.evm.send(ADMIN, alliance.manager, call)
    alliance.evm.now += 2 * DAY


def test_no_other_payouts_can_be_settled(published: Period) -> None:
    for merchant in published.alliance.merchants:
        published.confirm(merchant)
    minors, payouts = published.minors(), published.payouts()
    first, rest, places = payouts[0], payouts[1:], payouts[0] & ~(2**64 - 1)
    with refused("SettlementRoundingWrong"):
        published.settle(published.payouts([minors[0] + 2, minors[1] - 2, minors[2]]))
    with refused("SettlementRoundingWrong"):
        published.settle([])
    with refused("SettlementPayoutInvalid", 0, places):
        published.settle([places, *rest])
    with refused("SettlementPayoutInvalid", 0, 7 << 72 | first):
        published.settle([7 << 72 | first, *rest])
    with refused("SettlementPayoutInvalid", 0, 3 << 64 | first):
        published.settle([3 << 64 | first, *rest])
    with refused("SettlementPayoutInvalid", 3, 0):
        published.settle([first - 1, places | 1, *rest])
    published.settle()


def test_who_owes_is_not_paid_on_the_way(published: Period) -> None:
    published.alliance.evm.now = published.until
    payouts = published.payouts()
    payer, payee, minor = payouts[0] >> 72, payouts[0] >> 64 & 255, payouts[0] & 2**64 - 1
    assert len(payouts) == 1 or payouts[1] >> 72 == payer
    other = ({0, 1, 2} - {payer, payee}).pop()
    around = [payer << 72 | other << 64 | minor, other << 72 | payee << 64 | minor]
    with refused("SettlementPaidRoundabout" if len(payouts) == 1 else "SettlementPayoutInvalid"):
        published.settle([*around, *payouts[1:]])


def test_a_unit_goes_to_nobody_with_a_smaller_remainder(published: Period) -> None:
    published.alliance.evm.now = published.until
    minors = published.minors()
    nets = [published.net(m) for m in published.alliance.merchants]
    up = next(i for i in range(3) if minors[i] * CENT > nets[i])
    down = next(i for i in range(3) if minors[i] * CENT <= nets[i])
    minors[up] -= 1
    minors[down] += 1
    with refused("SettlementRoundingUnfair"):
        published.settle(published.payouts(minors))


def test_a_merchant_with_debts_cannot_be_left_out(rich: Alliance, ann: Member) -> None:
    period = Period(rich, ann)
    period.enlist(rich.merchants[:2])
    period.publish()
    rich.evm.now = period.until
    one, two = (period.net(m) for m in rich.merchants[:2])
    assert one < 0 < two
    with refused("SettlementRoundingWrong", rich.merchants[1].gln):
        period.settle([0 << 72 | 1 << 64 | -one // CENT])
    with refused("SettlementMerchantKnown", rich.merchants[0].gln, 0):
        rich.transact(STRANGER, SETTLEMENT, "enlist", rich.merchants[0].gln)
    with refused("SettlementMerchantUnknown"):
        rich.transact(STRANGER, SETTLEMENT, "enlist", Merchant.numbered(9).gln)


def test_a_left_out_merchants_share_of_a_cent_is_missed_too(rich: Alliance, ann: Member) -> None:
    rich.apply(rich.redeem(ann, rich.merchants[2], [Leg(1, 1, 5, 1)]))
    rich.transact(OPERATOR, HOUSE, "closePeriod", 1)
    for merchant in rich.merchants[:2]:
        rich.transact(STRANGER, SETTLEMENT, "enlist", merchant.gln)
    until = rich.evm.now + WINDOW
    rich.transact(OPERATOR, SETTLEMENT, "publish", 1, EVIDENCE, until)
    rich.evm.now = until
    members = b"".join(m.gln.to_bytes(8, "big") for m in rich.merchants[:2])
    with refused("SettlementMembersDiffer"):
        rich.transact(OPERATOR, SETTLEMENT, "settle", 1, members[:8], [])
    with refused("SettlementUnbalanced", -9_850):
        rich.transact(OPERATOR, SETTLEMENT, "settle", 1, members, [])


def test_there_is_room_for_256_merchants(rich: Alliance) -> None:
    for number in range(100, 357):
        merchant = Merchant.numbered(number)
        rich.transact(OPERATOR, REGISTRY, "admitMerchant", merchant.gln, *merchant.addresses())
        if number < 356:
            rich.transact(STRANGER, SETTLEMENT, "enlist", merchant.gln)
    with refused("SettlementFull", 256):
        rich.transact(STRANGER, SETTLEMENT, "enlist", Merchant.numbered(356).gln)
    assert rich.ask(SETTLEMENT, "merchantAt", 255)[0] == Merchant.numbered(355).gln


def test_periods_are_published_closed_in_order_and_with_time_to_answer(closed: Period) -> None:
    alliance, root = closed.alliance, closed.statements.root
    with refused("SettlementPeriodNotDue", 2, 2, 2):
        alliance.transact(OPERATOR, SETTLEMENT, "publish", 2, root, closed.until)
    with refused("SettlementStatementsZero"):
        alliance.transact(OPERATOR, SETTLEMENT, "publish", 1, bytes(32), closed.until)
    soon = alliance.evm.now + DAY
    with refused("SettlementUntilTooSoon", soon):
        alliance.transact(OPERATOR, SETTLEMENT, "publish", 1, root, soon)
    closed.publish()
    alliance.transact(OPERATOR, HOUSE, "closePeriod", 2)
    with refused("SettlementPeriodNotDue", 2, 2, 3):
        alliance.transact(OPERATOR, SETTLEMENT, "publish", 2, root, alliance.evm.now + WINDOW)
    with refused("SettlementNotNetted", 1):
        alliance.transact(OPERATOR, SETTLEMENT, "markPaid", 1, 1, EVIDENCE)
    alliance.evm.now = closed.until
    closed.settle()
    with refused("SettlementPayoutInvalid"):
        alliance.transact(OPERATOR, SETTLEMENT, "markPaid", 1, 1 << 200, EVIDENCE)
    alliance.transact(OPERATOR, SETTLEMENT, "publish", 2, root, alliance.evm.now + WINDOW)


def test_fifty_merchants_settle_within_300_000_gas(
    rich: Alliance, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifty = rich.merchants[:3] + [Merchant.numbered(n) for n in range(10, 57)]
    monkeypatch.setattr(rich, "merchants", fifty)
    for merchant in fifty[3:]:
        rich.transact(OPERATOR, REGISTRY, "admitMerchant", merchant.gln, *merchant.addresses())
    rich.apply(*(rich.redeem(ann, m, [Leg(1, 1, 5, 90 + i)]) for i, m in enumerate(fifty[1:])))
    period = Period(rich, ann)
    period.enlist()
    period.publish()
    rich.evm.now = period.until
    payouts = period.payouts()
    assert (len(payouts), min(map(abs, period.minors())) > 0) == (49, True)
    assert period.settle(payouts).gas <= 300_000
