"""A merchant's lines split to the owners of its stores, pure; every line's parts sum to it exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.operations import Kind
from ledger_service.settlement.papers.table import csv_of

NOBODY = ""
COLUMNS = (
    "owner", "name", "tax_number", "issuer", "programme", "item", "lines", "value_micros", "fee_micros",
    "owed_micros",
)  # fmt: skip
Split = Callable[[int], Mapping[str, int]]


class OwnedKey(NamedTuple):
    """Whose part of what; the owner is ``NOBODY`` where no owner of the place and time is known."""

    owner_id: str
    issuer: int
    programme: int
    came_back: bool


class Owned(NamedTuple):
    """An owner's part; a line of several owners counts for each of them."""

    lines: int
    value_micros: int
    fee_micros: int


def owned_of(
    merchant: int, lines: Iterable[ObligationLine], split_at: Callable[[bytes], Split]
) -> dict[OwnedKey, Owned]:
    """What each owner took in for the merchant, and gave back.

    Only what happened in the merchant's own stores: of its points redeemed elsewhere no store is known here.
    A restore is split as the redemption that it gives back, so it takes back from whom was credited, wherever
    the goods came back.

    Args:
        merchant: whose stores.
        lines: of the period, own ones too; others' are passed over.
        split_at: how an operation's amounts are split; of none it answers the whole for ``NOBODY``.
    """
    sums: dict[OwnedKey, list[int]] = {}
    for line in lines:
        if line.creditor != merchant:
            continue
        split = split_at(line.op_id)
        value = split(line.value_micros)
        # Nobody keeps or bears a fee on what a merchant takes of its own points.
        fee = split(0 if line.debtor == merchant else line.fee_micros)
        for owner_id in value:
            key = OwnedKey(owner_id, line.debtor, line.programme, line.kind is Kind.RESTORE)
            found = sums.setdefault(key, [0, 0, 0])
            for at, figure in enumerate((1, value[owner_id], fee[owner_id])):
                found[at] += figure
    return {key: Owned(*sums[key]) for key in sorted(sums)}


def owned_csv(
    merchant: int, owned: Mapping[OwnedKey, Owned], persons: Mapping[str, tuple[str, str]]
) -> bytes:
    """The parts as CSV.

    Args:
        merchant: whose stores; of its own points nothing is owed.
        owned: by ``owned_of``.
        persons: name and tax number by owner.
    """
    rows = (
        (
            key.owner_id, *persons.get(key.owner_id, ("", "")), gln_text(key.issuer), key.programme,
            "came back" if key.came_back else "redeemed", part.lines, part.value_micros, part.fee_micros,
            0 if key.issuer == merchant else part.value_micros - part.fee_micros,
        )
        for key, part in owned.items()
    )  # fmt: skip
    return csv_of(COLUMNS, rows)
