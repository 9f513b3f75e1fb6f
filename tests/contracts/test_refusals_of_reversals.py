"""One test per cause for which the ClearingHouse refuses a refund, a clawback or a debit."""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance, Batch
from tests.contracts.parties import Member
from tests.contracts.refusals import refused

LEG = Leg(1, 1, 5, 100)


def other_account(kind: int) -> Callable[[Batch], None]:
    def falsify(batch: Batch) -> None:
        batch.slices[0][kind][0][1] = Member.numbered(2).account

    return falsify


def test_a_refund_needs_the_proof_of_its_redemption(rich: Alliance, ann: Member) -> None:
    b = rich.merchants[1]
    spent = rich.redeem(ann, b, [LEG])
    rich.apply(spent, rich.redeem(ann, b, [Leg(2, 1, 5, 1)]))

    def more(batch: Batch) -> None:
        batch.slices[0][3][0][4][6][0] += 1

    def other_batch(batch: Batch) -> None:
        batch.slices[0][3][0][3] += 1

    for falsify in (more, other_batch):
        with refused("OriginalNotProven", 0):
            rich.apply(rich.restore(spent, 0, 1), falsify=falsify)
    with refused("OriginalNotProven", 0):
        rich.apply(rich.restore(spent, 0, 1), falsify=other_account(3))


def test_a_clawback_needs_the_proof_of_its_issue(rich: Alliance, ann: Member) -> None:
    earned = rich.issue(ann, LEG)
    rich.apply(earned)
    with refused("OriginalNotProven", 0):
        rich.apply(rich.claw_back(earned, [LEG]), falsify=other_account(6))
    with refused("OriginalNotProven", 0):
        rich.apply(rich.claw_back(earned, [LEG], merchant=rich.merchants[1].gln))


def test_a_refund_of_a_leg_that_was_not_is_refused(rich: Alliance, ann: Member) -> None:
    spent = rich.redeem(ann, rich.merchants[1], [LEG])
    rich.apply(spent)
    with refused("OriginalLegUnknown", 0, 1, 1):
        rich.apply(rich.restore(spent, 1, 1))


def test_a_reversal_in_another_programme_is_refused(rich: Alliance, ann: Member) -> None:
    spent, earned = rich.redeem(ann, rich.merchants[1], [LEG]), rich.issue(ann, LEG)
    rich.apply(spent, earned)
    with refused("OriginalLegMismatch", 0, LEG.word()):
        rich.apply(rich.restore(spent, 0, 1, leg=Leg(2, 1, 5, 1)))
    with refused("OriginalLegMismatch", 0, LEG.word()):
        rich.apply(rich.claw_back(earned, [Leg(2, 1, 5, 1)]))


def test_reversals_never_exceed_their_original(rich: Alliance, ann: Member) -> None:
    spent, earned = rich.redeem(ann, rich.merchants[1], [LEG]), rich.issue(ann, LEG)
    rich.apply(spent, earned)
    rich.apply(rich.restore(spent, 0, 60), rich.claw_back(earned, [Leg(1, 1, 1, 60)]))
    with refused("OriginalExceeded", 0, 101, 100):
        rich.apply(rich.restore(spent, 0, 41))
    with refused("OriginalExceeded", 1, 101, 100):
        rich.apply(rich.restore(spent, 0, 1), rich.restore(spent, 0, 40))
    with refused("OriginalExceeded", 0, 101, 100):
        rich.apply(rich.claw_back(earned, [Leg(1, 1, 1, 20), Leg(1, 1, 5, 21)]))
    rich.apply(rich.restore(spent, 0, 40), rich.claw_back(earned, [Leg(1, 1, 1, 20), Leg(1, 1, 5, 20)]))
    with refused("OriginalExceeded", 0, 101, 100):
        rich.apply(rich.restore(spent, 0, 1))


def test_a_refund_at_another_merchant_is_refused(rich: Alliance, ann: Member) -> None:
    _, b, c = rich.merchants
    spent = rich.redeem(ann, b, [LEG])
    rich.apply(spent)
    with refused("OriginalMerchantMismatch", 0, c.gln, b.gln):
        rich.apply(rich.restore(spent, 0, 1, merchant=c.gln))


def test_a_debit_beyond_the_balance_names_its_operation(rich: Alliance, ann: Member) -> None:
    b = rich.merchants[1]
    with refused("AlliancePointsInsufficientBalance", 1, ann.account, 5, 9_900, 9_901):
        rich.apply(rich.redeem(ann, b, [LEG]), rich.redeem(ann, b, [Leg(1, 1, 5, 9_901)]))
