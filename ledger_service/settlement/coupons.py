"""What funders of coupons owe the merchants that took them in a period, pure: debts, nets and payouts.

The till gave the whole discount; each funder owes its share of it. These lines stand beside the nets of the
contract, as those of pools do, and are exact: a discount is in minor units from the start.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TextIO

from ledger_service.kernel.beside import Proven, leaf_of
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.coupon_clearing import ClearedCoupon
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.settlement.netting import Payout, payouts_of

COLUMNS = (
    "at", "what", "ref", "coupon", "number", "definition", "version", "store", "acceptor", "funder",
    "value_minor", "operation", "batch", "leaf", "proof",
)  # fmt: skip
Debts = Mapping[tuple[int, int], int]


class Clearing(NamedTuple):
    """A period's debts by (funder, acceptor) in minor units, each one's net, and who pays whom."""

    debts: Debts
    nets: Mapping[int, int]
    payouts: Sequence[Payout]


def cleared(debts: Debts) -> Clearing:
    """The clearing of a period's debts. Nets sum to zero (INV-5)."""
    nets: Counter[int] = Counter()
    for (funder, acceptor), minor in debts.items():
        nets[funder] -= minor
        nets[acceptor] += minor
    by_merchant = {merchant: nets[merchant] for merchant in sorted(nets)}
    return Clearing({pair: debts[pair] for pair in sorted(debts)}, by_merchant, payouts_of(by_merchant))


def write_coupons(file: TextIO, coupons: Iterable[ClearedCoupon], proofs: Mapping[bytes, Proven]) -> int:
    """One row for each funder of each use or return; returns how many. The caller writes ``COLUMNS`` first.

    ``proof`` leads from the operation's leaf to the root that the contract stores for ``batch``, nodes joined
    by blanks; both are empty while no block has the operation.
    """
    writer, count = csv.writer(file), 0
    for one in coupons:
        for funder, minor in sorted(one.paid.items()):
            writer.writerow((*_what(one), gln_text(funder), minor, *_proof(one, proofs)))
            count += 1
    return count


def _what(one: ClearedCoupon) -> tuple[str | int, ...]:
    return (
        format_instant(one.at), "return" if one.returned else "use", id_text(one.ref),
        id_text(one.coupon_id), one.number or "", one.definition, one.version, gln_text(one.store),
        gln_text(one.acceptor),
    )  # fmt: skip


def _proof(one: ClearedCoupon, proofs: Mapping[bytes, Proven]) -> tuple[str | int, ...]:
    if one.op_id is None:
        return "", "", "", ""
    found = proofs.get(one.op_id)
    if found is None:
        return id_text(one.op_id), "", "", ""
    nodes = " ".join(f"0x{node.hex()}" for node in found.proof)
    return id_text(one.op_id), found.batch, f"0x{leaf_of(found.operation).hex()}", nodes
