"""The rules of packing: intents in their order, dependents wait, bounds hold, nothing re-enters before its
batch is dead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.chain.encode import Original
from ledger_service.chain.errors import NodeRefusal
from ledger_service.chain.failures import Failure, classify
from ledger_service.chain.plan import Limits, Lookup, Situation, plan_batch
from ledger_service.chain.queue import Waiting
from ledger_service.kernel.chain_tx import Fee, Unsigned, call_of, hash_of
from ledger_service.kernel.operations import IssueReason, Operation
from ledger_service.kernel.secp256k1 import sign_digest
from tests.chain import samples as s

WIDE = Limits(1000, 10**9, 10**9, 256)


def queued(*operations: Operation, former: int | None = None) -> list[Waiting]:
    return [Waiting(number, operation, former, True) for number, operation in enumerate(operations, start=1)]


def taken(plan: object) -> list[int]:
    return [item.intent_id for item in plan.taken]  # type: ignore[attr-defined]  # a Plan


def test_an_operation_of_a_batch_that_may_still_be_mined_is_not_packed_again() -> None:
    queue = queued(s.issue(1), former=7)
    assert taken(plan_batch(queue, Situation(), WIDE)) == []
    assert taken(plan_batch(queue, Situation(dead=frozenset({7})), WIDE)) == [1]


def test_dependents_of_what_is_held_back_wait_and_strangers_go_on() -> None:
    first, later = s.issue(1), s.redeem(2)
    stranger = s.issue(3, account=s.OTHER)
    situation = Situation(held=frozenset({first.op_id}))
    assert taken(plan_batch(queued(first, later, stranger), situation, WIDE)) == [3]


def test_in_replay_nothing_runs_ahead_of_what_waits_by_more_than_it_can_stand() -> None:
    parked, near = s.issue(1), s.issue(2, account=s.OTHER)
    far = replace(s.issue(3, account=b"\x09" * 20), accepted_at=near.accepted_at + 6 * 86_400)
    bounded = replace(WIDE, ahead_seconds=5 * 86_400)
    held = Situation(held=frozenset({parked.op_id}))
    assert taken(plan_batch(queued(parked, near, far), held, bounded)) == [2]
    assert taken(plan_batch(queued(parked, far), Situation(), bounded)) == [1]
    assert taken(plan_batch(queued(far), Situation(), bounded)) == [1]
    assert taken(plan_batch(queued(parked, near, far), held, WIDE)) == [2, 3]  # real time dates blocks


def test_operations_of_an_unresolved_account_and_programme_wait() -> None:
    situation = Situation(unresolved=frozenset({(s.ACCOUNT, 1)}))
    assert taken(plan_batch(queued(s.issue(1), s.issue(2, account=s.OTHER)), situation, WIDE)) == [2]


def test_a_reversal_never_shares_the_batch_of_its_original_and_holds_back_its_dependents() -> None:
    original = s.redeem(2)
    back, after = s.restore(original, 4), s.redeem(5)
    proven = Situation(originals={original.op_id: Original(original, 1, ())})
    assert taken(plan_batch(queued(original, back, after), proven, WIDE)) == [1]
    assert taken(plan_batch(queued(back, after), proven, WIDE)) == [1, 2]
    waiting = Situation(originals={original.op_id: Lookup.NOT_YET})
    assert taken(plan_batch(queued(back, after), waiting, WIDE)) == []


def test_a_reversal_whose_original_was_set_aside_is_an_orphan_and_blocks_nobody() -> None:
    original = s.redeem(2)
    plan = plan_batch(
        queued(s.restore(original, 4), s.redeem(5)), Situation(originals={original.op_id: Lookup.NEVER}), WIDE
    )
    assert [item.intent_id for item in plan.orphans] == [1]
    assert taken(plan) == [2]


def test_slices_rise_by_merchant_whoever_came_first() -> None:
    plan = plan_batch(
        queued(*(s.issue(n, merchant=m) for n, m in enumerate((9, 3, 9, 5)))), Situation(), WIDE
    )
    assert list(plan.slices) == [3, 5, 9]
    assert [o.merchant for o in plan.ordered()] == [3, 5, 9, 9]


def test_an_altered_payload_is_not_packed() -> None:
    queue = [replace(item, intact=False) for item in queued(s.issue(1))]
    assert taken(plan_batch(queue, Situation(), WIDE)) == []


@given(st.integers(1, 30), st.integers(200_000, 3_000_000), st.integers(1, 40))
def test_no_batch_exceeds_its_bounds_and_the_front_always_goes(most: int, gas: int, count: int) -> None:
    queue = queued(*(s.issue(n % 250) for n in range(count)))
    plan = plan_batch(queue, Situation(), Limits(most, max(gas, 320_000), 10**6, 256))
    assert 1 <= len(plan.taken) <= most
    assert plan.gas <= max(gas, 320_000)
    assert taken(plan) == list(range(1, len(plan.taken) + 1))


@pytest.mark.parametrize(
    ("client", "refusal", "failure"),
    [
        ("Geth/v1.15", NodeRefusal("m", -32000, "nonce too low: next nonce 5"), Failure.NONCE_USED),
        ("anvil/v1.7.1", NodeRefusal("m", -32003, "transaction already imported"), Failure.ALREADY_KNOWN),
        ("besu/v25", NodeRefusal("m", -32005, "anything"), Failure.GAS_TOO_HIGH),
        ("AllianceChain/1/python", NodeRefusal("m", -32000, "x", None, "pool_full"), Failure.POOL_FULL),
        ("AllianceChain/1/python", NodeRefusal("m", -32000, "nonce too low"), Failure.UNLISTED),
        ("anvil/v1.7.1", NodeRefusal("m", -32003, "something new"), Failure.UNLISTED),
    ],
)
def test_refusals_are_read_from_the_clients_table(
    client: str, refusal: NodeRefusal, failure: Failure
) -> None:
    assert classify(client, refusal) is failure
    assert not Failure.UNLISTED.final


def test_a_raw_transaction_gives_its_call_back_and_its_hash_is_that_of_an_independent_library() -> None:
    from eth_account import Account

    unsigned = Unsigned(31337, 300, Fee(2 * 10**9, 7), 21_000 * 9, b"\x11" * 20, b"\x01" * 300)
    key = b"\x05" * 32
    raw = unsigned.signed(sign_digest(key, unsigned.digest()))
    fields = {
        "type": 2,
        "chainId": 31337,
        "nonce": 300,
        "maxFeePerGas": 2 * 10**9,
        "maxPriorityFeePerGas": 7,
        "gas": 189_000,
        "to": "0x" + "11" * 20,
        "value": 0,
        "data": b"\x01" * 300,
    }
    assert bytes(Account.sign_transaction(fields, key).raw_transaction) == raw
    assert bytes(Account.sign_transaction(fields, key).hash) == hash_of(raw)
    assert call_of(raw) == (b"\x11" * 20, b"\x01" * 300)


def test_a_reward_that_nobody_promised_is_an_orphan_and_blocks_nobody() -> None:
    reward, later = replace(s.issue(1), reason=int(IssueReason.REWARD)), s.redeem(5)
    plan = plan_batch(queued(reward, later), Situation(unpromised=frozenset({reward.op_id})), WIDE)
    assert [item.intent_id for item in plan.orphans] == [1]
    assert taken(plan) == [2]
    plain = plan_batch(queued(s.issue(1)), Situation(), WIDE)
    assert plan_batch(queued(reward), Situation(), WIDE).gas > plain.gas
