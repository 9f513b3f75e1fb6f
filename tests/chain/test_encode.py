"""The hand-written calldata equals what an independent ABI encoder writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eth_abi import decode, encode

from ledger_service.chain.encode import (
    CONVERT_SELECTOR,
    CONVERT_SIGNATURE,
    EXTEND_SELECTOR,
    EXTEND_SIGNATURE,
    MOVE_SELECTOR,
    MOVE_SIGNATURE,
    SUBMIT_SELECTOR,
    SUBMIT_SIGNATURE,
    Encoder,
    Original,
    SlicePlan,
    conversion_batch,
    extension_batch,
    move_batch,
    table_of,
)
from ledger_service.kernel.operations import Issue, Operation, Redeem
from tests.chain import samples as s


def _types() -> list[str]:
    inner = SUBMIT_SIGNATURE[len("submitBatch(") : -1]
    parts, depth, start = [], 0, 0
    for at, char in enumerate(inner):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(inner[start:at])
            start = at + 1
    return [*parts, inner[start:]]


def _plan() -> tuple[list[Operation], Encoder, list[SlicePlan]]:
    old_issue, old_redeem = s.issue(90), s.redeem(91)
    operations: list[Operation] = [
        s.issue(1), s.issue(11, 2**64 - 1), s.redeem(2), s.redeem(12, (s.Leg(2, 1, 9, 1),) * 8), s.gift(),
        s.restore(old_redeem), s.clawback(old_issue), s.expire(),
    ]  # fmt: skip
    rows = {row: at for at, row in enumerate(table_of(operations))}
    originals = {
        old_issue.op_id: Original(old_issue, 3, (b"\x01" * 32, b"\x02" * 32)),
        old_redeem.op_id: Original(old_redeem, 4, ()),
    }
    slices = [
        SlicePlan(s.MERCHANT_A, signature=b"\x0a" * 65),
        SlicePlan(s.MERCHANT_B, signature=b"\x0b" * 65),
    ]
    for operation in operations:
        slices[operation.merchant == s.MERCHANT_B].add(operation)
    return operations, Encoder(rows, originals), slices


def _leg(encoder: Encoder, leg: Any) -> int:
    return encoder.rows[leg.programme, leg.terms_version] << 96 | leg.word() % 2**96


def _expected_slice(encoder: Encoder, plan: SlicePlan) -> tuple[Any, ...]:
    out: dict[int, list[Any]] = {kind: [] for kind in range(1, 7)}
    for o in plan.in_order():
        row = _issue_words(encoder, o) if isinstance(o, Issue) else _expected_row(encoder, o)
        out[o.kind].append(row)
    return (plan.merchant, plan.signature, out[1], out[3], out[6], out[2], out[4], out[5])


def _issue_words(encoder: Encoder, o: Issue) -> tuple[int, int]:
    row, rest = divmod(_leg(encoder, o.leg), 2**96)
    what = int.from_bytes(o.op_id, "big") * 2**128 + o.accepted_at * 2**88 + o.reason * 2**80 + row
    return what, int.from_bytes(o.account, "big") * 2**96 + rest


def _expected_row(encoder: Encoder, o: Any) -> tuple[Any, ...]:
    return (o.op_id, o.account, *_expected_rest(encoder, o))


def _expected_rest(encoder: Encoder, o: Any) -> tuple[Any, ...]:
    legs = [_leg(encoder, leg) for leg in (o.legs if hasattr(o, "legs") else (o.leg,))]
    match int(o.kind):
        case 2:
            permit = (o.nonce, o.max_value_micros, o.valid_until)
            return (*permit, o.accepted_at, o.flags, legs, o.signature)
        case 3 | 4:
            original = encoder.originals[o.original_op_id]
            cited = (o.accepted_at, original.batch, _reference(original.operation))
            rest = (o.leg_index, legs[0]) if o.kind == 3 else (legs,)
            return (*cited, *rest, list(original.proof))
        case 5:
            return (o.accepted_at, legs[0])
        case _:
            return (o.recipient, o.nonce, o.valid_until, o.accepted_at, legs, o.signature)


def _reference(o: Redeem | Issue) -> tuple[Any, ...]:
    if isinstance(o, Issue):
        return (o.op_id, o.accepted_at, o.reason, o.leg.word())
    words = [leg.word() for leg in o.legs]
    return (o.op_id, o.merchant, o.nonce, o.accepted_at, o.flags, o.permit_digest, words)


def test_calldata_of_every_kind_equals_that_of_an_independent_encoder() -> None:
    _, encoder, slices = _plan()
    change = s.signer()
    signer_row = (change.op_id, change.account, change.signer, change.flags, change.accepted_at, 0, b"")
    expected = encode(
        _types(), [5, list(encoder.rows), [signer_row], [_expected_slice(encoder, p) for p in slices]]
    )
    assert encoder.submit_batch(5, [change], slices) == SUBMIT_SELECTOR + expected


def test_a_batch_of_signer_changes_alone_has_empty_table_and_slices() -> None:
    raw = Encoder({}, {}).submit_batch(9, [s.signer()], [])
    number, table, signers, slices = decode(_types(), raw[4:])
    assert (number, table, len(signers), slices) == (9, (), 1, ())


def test_calldata_of_moves_equals_that_of_an_independent_encoder() -> None:
    moves = [s.move(1), replace(s.move(2), legs=(), authorisation=b"", signer=bytes(20))]
    rows = [
        (m.op_id, m.account, m.successor, m.reason, m.accepted_at, m.valid_until, m.signer,
         [leg.word() for leg in m.legs], m.authorisation)
        for m in moves
    ]  # fmt: skip
    types = MOVE_SIGNATURE[len("moveAccounts(") : -1].split(",", 1)
    assert move_batch(7, moves) == MOVE_SELECTOR + encode(types, [7, rows])


def test_a_reversal_names_the_originals_account_in_the_call_and_its_own_in_the_leaf() -> None:
    spent = s.redeem(91)
    back = replace(s.restore(spent), account=s.OTHER)
    encoder = Encoder({(1, 1): 0}, {spent.op_id: Original(spent, 4, ())})
    plan = SlicePlan(s.MERCHANT_B)
    plan.add(back)
    raw = encoder.submit_batch(5, [], [plan])
    assert spent.account in raw
    assert s.OTHER not in raw
    assert back.leaf() != s.restore(spent).leaf()


def test_calldata_of_extensions_equals_that_of_an_independent_encoder() -> None:
    slices = [
        SlicePlan(s.MERCHANT_A, signature=b"\x0a" * 65),
        SlicePlan(s.MERCHANT_B, signature=b"\x0b" * 65),
    ]
    for operation in (s.extend(1), s.extend(2), s.extend(3, s.MERCHANT_B)):
        slices[operation.merchant == s.MERCHANT_B].add(operation)
    rows = [
        (p.merchant, p.signature, [(o.op_id, o.account, o.accepted_at, o.into_epoch, o.leg.word())
                                   for o in p.in_order()])
        for p in slices
    ]  # fmt: skip
    types = EXTEND_SIGNATURE[len("extendPoints(") : -1].split(",", 1)
    assert extension_batch(7, slices) == EXTEND_SELECTOR + encode(types, [7, rows])


def test_calldata_of_conversions_equals_that_of_an_independent_encoder() -> None:
    plan = SlicePlan(s.MERCHANT_B, signature=b"\x0b" * 65)
    for operation in (s.convert(1), s.convert(2, sources=8), replace(s.convert(3), signature=b"")):
        plan.add(operation)
    rows = [(plan.merchant, plan.signature, [
        (o.op_id, o.account, o.nonce, o.least_points, o.valid_until, o.accepted_at, o.terms,
         [leg.word() for leg in o.legs], o.signature) for o in plan.in_order()
    ])]  # fmt: skip
    types = CONVERT_SIGNATURE[len("convertPoints(") : -1].split(",", 1)
    assert conversion_batch(7, [plan]) == CONVERT_SELECTOR + encode(types, [7, rows])
