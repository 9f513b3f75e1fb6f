"""Points that get a later end: what an extension does, and one test per cause for which it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance
from tests.contracts.parties import DAY, EPOCH_ENDS, GUARDIAN, HOUSE, MOVER, OPERATOR, STRANGER, Member
from tests.contracts.refusals import refused
from tests.contracts.test_flow import told
from tests.contracts.test_storage import slot_of

FIRST = Leg(1, 1, 1, 4_000)


def nets(alliance: Alliance) -> list[int]:
    return [alliance.net(m) for m in alliance.merchants]


def test_an_extension_moves_points_to_a_later_epoch_and_nothing_else(rich: Alliance, ann: Member) -> None:
    issued, before = rich.token(1, "issuedTotal"), nets(rich)
    applied = rich.extended(rich.extend(ann, FIRST, 4), rich.extend(ann, Leg(2, 1, 5, 10_000), 12))
    assert [rich.balance(ann.account, 1, e) for e in (1, 4, 5, 12)] == [6_000, 4_000, 10_000, 10_000]
    assert [rich.balance(ann.account, 2, e) for e in (5, 12)] == [0, 20_000]
    assert rich.token(1, "outstanding", 1) == 6_000
    assert rich.token(1, "outstanding", 4) == 4_000
    assert rich.token(1, "totalSupply") == rich.token(2, "totalSupply") == 30_000
    assert rich.token(1, "counters", 1) == (10_000, 4_000, 0, 0, 0)
    assert rich.token(1, "counters", 4) == (0, 0, 0, 0, 4_000)
    assert (rich.token(1, "issuedTotal"), nets(rich)) == (issued, before)
    assert rich.ask(HOUSE, "rootOf", applied.number)[0] == root_of(applied.leaves)


def test_extensions_are_told_by_their_events(rich: Alliance, ann: Member) -> None:
    applied = rich.extended(rich.extend(ann, FIRST, 4), rich.extend(ann, Leg(2, 1, 5, 1), 6))
    facts = told(applied)
    assert [o.leaf for o in facts] == list(applied.leaves)
    assert [(o.batch, o.position, o.kind) for o in facts] == [
        (applied.number, i, Kind.EXTEND) for i in range(2)
    ]
    assert facts[0].legs == (Leg(1, 0, 1, 4_000), Leg(1, 0, 4, 4_000))


def test_one_may_extend_what_another_of_the_batch_brought(rich: Alliance, ann: Member) -> None:
    rich.extended(rich.extend(ann, Leg(1, 1, 1, 10_000), 2), rich.extend(ann, Leg(1, 1, 2, 10_000), 3))
    assert [rich.balance(ann.account, 1, e) for e in (1, 2, 3)] == [0, 0, 10_000]


def test_an_extended_point_is_spent_clawed_back_and_expired_like_any_other(
    rich: Alliance, ann: Member
) -> None:
    earned = rich.issue(ann, Leg(1, 1, 2, 50))
    rich.apply(earned)
    rich.extended(rich.extend(ann, Leg(1, 1, 2, 50), 3))
    rich.apply(
        rich.redeem(ann, rich.merchants[1], [Leg(1, 1, 3, 20)]), rich.claw_back(earned, [Leg(1, 1, 3, 10)])
    )
    with refused("EpochNotEnded", 0, 1, 3):
        rich.apply(rich.expire(ann, Leg(1, 1, 3, 20)))
    rich.evm.now = EPOCH_ENDS[2]
    rich.apply(rich.expire(ann, Leg(1, 1, 3, 20)))
    assert rich.token(1, "outstanding", 3) == rich.token(1, "outstanding", 2) == 0


def test_what_has_ended_and_not_expired_can_still_be_extended(rich: Alliance, ann: Member) -> None:
    rich.evm.now = EPOCH_ENDS[0] + DAY
    rich.extended(rich.extend(ann, Leg(1, 1, 1, 10_000), 2))
    assert rich.balance(ann.account, 1, 2) == 10_000


def test_points_never_get_an_earlier_end(rich: Alliance, ann: Member) -> None:
    for epoch in (5, 4, 0):
        with refused("ExtensionNotLater", 0, 1, 5, epoch):
            rich.extended(rich.extend(ann, Leg(1, 1, 5, 1), epoch))
    with refused("EpochUnknown", 0, 1, 13):
        rich.extended(rich.extend(ann, Leg(1, 1, 5, 1), 13))
    rich.evm.now = EPOCH_ENDS[1]
    with refused("EpochEnded", 0, 1, 2, EPOCH_ENDS[1]):
        rich.extended(rich.extend(ann, Leg(1, 1, 1, 1), 2))


def test_only_the_issuer_extends_its_points(rich: Alliance, ann: Member) -> None:
    a, b, _ = rich.merchants
    with refused("IssuerMismatch", 0, b.gln, a.gln):
        rich.extended(rich.extend(ann, FIRST, 4, merchant=b.gln))
    with refused("RegistryProgrammeUnknown", 9):
        rich.extended(replace(rich.extend(ann, FIRST, 4), leg=Leg(9, 0, 1, 1)))
    with refused("SliceMerchantUnknown", 4):
        rich.extended(rich.extend(ann, FIRST, 4, merchant=4))


@pytest.mark.parametrize("field", range(5))
def test_the_issuers_signature_covers_every_word(rich: Alliance, ann: Member, field: int) -> None:
    other = [b"\1" * 16, bytes(19) + b"\1", 1, 3, 0][field]

    def falsify(slices: list[Any]) -> None:
        operation = slices[0][2][0]
        operation[field] = other if field in (0, 3) else _near(operation[field], other)

    with refused("AlliancePointsInsufficientBalance" if field == 1 else "SliceSignatureInvalid"):
        rich.extended(rich.extend(ann, FIRST, 4), falsify=falsify)


def _near(value: Any, other: Any) -> Any:
    return other if isinstance(value, bytes) else value - 1


def test_a_slice_counts_once_and_slices_rise(rich: Alliance, ann: Member) -> None:
    both = (rich.extend(ann, FIRST, 4), rich.extend(ann, Leg(2, 1, 5, 1), 6))
    with refused("SliceNotRising", 1):
        rich.extended(*both, falsify=lambda slices: slices.reverse())
    with refused("SliceNotRising", 1):
        rich.extended(both[0], falsify=lambda slices: slices.append(slices[0]))


def test_a_leg_of_an_extension_names_programme_epoch_and_amount(rich: Alliance, ann: Member) -> None:
    with refused("MoveLegInvalid", 0, FIRST.word()):
        rich.extended(rich.extend(ann, FIRST, 4), falsify=lambda s: s[0][2][0].__setitem__(4, FIRST.word()))
    with refused("AmountZero", 0):
        rich.extended(rich.extend(ann, replace(FIRST, amount=0), 4))
    with refused("AlliancePointsInsufficientBalance", 1, ann.account, 1, 6_000, 6_001):
        rich.extended(rich.extend(ann, FIRST, 4), rich.extend(ann, replace(FIRST, amount=6_001), 4))


def test_an_extension_keeps_the_times_and_numbers_of_every_batch(rich: Alliance, ann: Member) -> None:
    now = rich.evm.now
    with refused("AcceptedInFuture", 0, now + 121, now):
        rich.extended(rich.extend(ann, FIRST, 4, accepted_at=now + 121))
    with refused("AcceptedTooLongAgo", 0):
        rich.extended(rich.extend(ann, FIRST, 4, accepted_at=now - 7 * DAY - 1))
    with refused("BatchEmpty"):
        rich.extended()
    rich.last_batch -= 1
    with refused("BatchNumberUsed"):
        rich.extended(rich.extend(ann, FIRST, 4))
    rich.last_batch += 1
    rich.transact(GUARDIAN, HOUSE, "pause")
    with refused("ClearingHousePaused"):
        rich.extended(rich.extend(ann, FIRST, 4))


def test_only_the_relayer_brings_extensions_and_the_mover_itself_takes_none(
    rich: Alliance, ann: Member
) -> None:
    data = HOUSE.call_data("extendPoints", rich.last_batch + 1, [])
    for caller in (STRANGER, OPERATOR):
        with refused("AccessManagedUnauthorized"):
            rich.evm.send(caller, rich.house, data)
    mover = rich.ask(HOUSE, "accountMover")[0]
    with refused("ClearingHouseNotInForce"):
        rich.evm.send(STRANGER, mover, MOVER.call_data("extendPoints", 1, []))


def test_extensions_stop_before_the_tokens_counters_would_overflow(rich: Alliance, ann: Member) -> None:
    """The cap bounds what is clawed back of issues; nothing bounds how often points are extended."""
    base = slot_of("AlliancePoints", "_counters", 0)
    word = rich.evm.stored(rich.tokens[0], base)
    rich.evm.store(rich.tokens[0], base, word | (2**64 - 4_000) << 64)
    with refused("ExtensionsExhausted", 0, 1, 2**64):
        rich.extended(rich.extend(ann, FIRST, 4))
    rich.extended(rich.extend(ann, replace(FIRST, amount=3_999), 4))
