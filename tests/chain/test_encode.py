"""The hand-written calldata equals what an independent ABI encoder writes."""

from __future__ import annotations

from typing import Any

from eth_abi import decode, encode

from ledger_service.chain.encode import (
    SUBMIT_SELECTOR,
    SUBMIT_SIGNATURE,
    Encoder,
    Original,
    SlicePlan,
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
    return encoder.rows[leg.programme, leg.terms_version] << 248 | leg.word()


def _expected_slice(encoder: Encoder, plan: SlicePlan) -> tuple[Any, ...]:
    out: dict[int, list[Any]] = {kind: [] for kind in range(1, 7)}
    for o in plan.in_order():
        head = (o.op_id, o.account)
        original = encoder.originals.get(getattr(o, "original_op_id", b""))
        if o.kind == 1:
            row: Any = (*head, o.accepted_at, o.reason, _leg(encoder, o.leg))
        elif o.kind == 2:
            row = (*head, o.nonce, o.max_value_micros, o.valid_until, o.accepted_at, o.flags,
                   [_leg(encoder, leg) for leg in o.legs], o.signature)  # fmt: skip
        elif o.kind == 3:
            r = original.operation
            assert isinstance(r, Redeem)
            ref = (
                r.op_id,
                r.merchant,
                r.nonce,
                r.accepted_at,
                r.flags,
                r.permit_digest,
                [x.word() for x in r.legs],
            )
            row = (
                *head,
                o.accepted_at,
                original.batch,
                ref,
                o.leg_index,
                _leg(encoder, o.leg),
                list(original.proof),
            )
        elif o.kind == 4:
            i = original.operation
            assert isinstance(i, Issue)
            ref = (i.op_id, i.accepted_at, i.reason, i.leg.word())
            row = (
                *head,
                o.accepted_at,
                original.batch,
                ref,
                [_leg(encoder, x) for x in o.legs],
                list(original.proof),
            )
        elif o.kind == 5:
            row = (*head, o.accepted_at, _leg(encoder, o.leg))
        else:
            row = (
                *head,
                o.recipient,
                o.nonce,
                o.valid_until,
                o.accepted_at,
                [_leg(encoder, x) for x in o.legs],
                o.signature,
            )
        out[o.kind].append(row)
    return (plan.merchant, plan.signature, out[1], out[3], out[6], out[2], out[4], out[5])


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
