"""A period's lines split to owners: sums are the statement's, a refund takes back from who was credited."""

from __future__ import annotations

import csv
import io

from ledger_service.merchants.owners.rules import Share, split
from ledger_service.settlement.papers.owned import NOBODY, Owned, OwnedKey, Split, owned_csv, owned_of
from tests.unit.settlement.paper_sample import BAKER, GROCER, LINES

HALVES = [Share("a", 5_000), Share("b", 5_000)]
# The baker's redemption is line 0, and what came back of it line 3, wherever the goods came back.
NUMBERED = [line._replace(op_id=bytes([at]) * 16) for at, line in enumerate(LINES)]
BEHIND = {bytes([3]) * 16: bytes([0]) * 16}


def by(shares: dict[bytes, list[Share]]) -> dict[OwnedKey, Owned]:
    def split_at(op_id: bytes) -> Split:
        mine = shares.get(BEHIND.get(op_id, op_id), [])
        return lambda amount: split(amount, mine) if mine else {NOBODY: amount}

    return owned_of(BAKER, NUMBERED, split_at)


def test_parts_sum_to_the_lines_and_a_refund_takes_back_from_who_was_credited() -> None:
    owned = by({bytes([0]) * 16: [Share("a", 3_333), Share("b", 6_667)]})
    assert owned == {
        OwnedKey("a", GROCER, 1, False): Owned(1, 999_900, 14_999),
        OwnedKey("a", GROCER, 1, True): Owned(1, -99_990, -1_500),
        OwnedKey("b", GROCER, 1, False): Owned(1, 2_000_100, 30_001),
        OwnedKey("b", GROCER, 1, True): Owned(1, -200_010, -3_000),
    }


def test_what_no_owner_is_known_of_stays_with_nobody_and_others_stores_are_passed_over() -> None:
    assert by({}) == {
        OwnedKey(NOBODY, GROCER, 1, False): Owned(1, 3_000_000, 45_000),
        OwnedKey(NOBODY, GROCER, 1, True): Owned(1, -300_000, -4_500),
    }


def test_own_points_owe_nothing_and_carry_no_fee() -> None:
    owned = owned_of(GROCER, NUMBERED, lambda _: lambda amount: split(amount, HALVES))
    own = [part for key, part in owned.items() if key.issuer == GROCER and not key.came_back]
    assert own == [Owned(1, 200_000, 0), Owned(1, 200_000, 0)]
    persons = {"a": ("Ann 有限公司", "12345678"), "b": ("Ben GmbH", "DE1")}
    text = owned_csv(GROCER, owned, persons).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {row["tax_number"] for row in rows} == {"12345678", "DE1"}
    assert sum(int(row["owed_micros"]) for row in rows) == 1_540_000 - 30_800
