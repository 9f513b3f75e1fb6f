"""One item, sixty-four hands at once: it is claimed by one of them, and guesses at its PIN end with five."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from ledger_service.traceability.claiming.models import trace_claim
from tests.api.service import Shop
from tests.api.test_items import GTIN, Shelf

AT_ONCE, MEMBERS = 64, 8


@pytest.fixture
def shelf(any_shop: Shop) -> Shelf:
    found = Shelf(any_shop)
    terms = {"programme": "GROC", "points": 5}
    assert any_shop.put("grocer", f"/v1/products/{GTIN}/claim-terms", terms).status_code == 200
    return found


def members(shop: Shop) -> list[str]:
    made = [shop.must("grocer", "/v1/members", {"custody": "custodial"}) for _ in range(MEMBERS)]
    return [str(one["number"]) for one in made]


def claimed(shelf: Shelf, index: int, tries: Iterable[tuple[str, str]]) -> Counter[tuple[int, str]]:
    """Status and code of claims by (member, PIN), all at once."""

    def one(told: tuple[str, str]) -> tuple[int, str]:
        number, pin = told
        body = {"code": shelf.stock.code(index), "pin": pin, "channel": "app"}
        path = f"/v1/members/{number}/item-claims"
        answer = shelf.shop.post("operator", path, body)
        while answer.status_code == 503:
            # Somebody waited too long for the writer and is told to come again.
            answer = shelf.shop.post("operator", path, body)
        return answer.status_code, str(answer.json.get("code", ""))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(one, tries))


def test_of_sixty_four_claims_one_is_the_items(shelf: Shelf) -> None:
    numbers, pin = members(shelf.shop), shelf.stock.pin(0)
    told = claimed(shelf, 0, ((numbers[n % MEMBERS], pin) for n in range(AT_ONCE)))
    assert told == {(201, ""): 1, (409, "item-claimed"): AT_ONCE - 1}
    with shelf.shop.serving.foundations.database.read() as conn:
        assert conn.execute(select(func.count()).select_from(trace_claim)).scalar_one() == 1
    balances = (shelf.shop.get("operator", f"/v1/members/{number}/balance").json for number in numbers)
    assert sum(row["available"] for one in balances for row in one["balances"]) == 5


def test_sixty_four_guesses_at_once_are_five(shelf: Shelf) -> None:
    numbers, right = members(shelf.shop), shelf.stock.pin(1)
    guesses = [f"{n:08d}" for n in range(AT_ONCE) if f"{n:08d}" != right]
    told = claimed(shelf, 1, ((numbers[n % MEMBERS], pin) for n, pin in enumerate(guesses)))
    assert told == {(422, "item-pin-refused"): len(guesses)}
    # Closed for good: the right PIN is answered like a wrong one, and another item is open.
    assert claimed(shelf, 1, [(numbers[0], right)]) == {(422, "item-pin-refused"): 1}
    assert claimed(shelf, 2, [(numbers[1], shelf.stock.pin(2))]) == {(201, ""): 1}
