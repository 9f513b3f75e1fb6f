"""GS1 company prefixes: allotted without overlap; a product under the prefix of another is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger_service.cli import items
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.traceability.prefixes.errors import PrefixOverlaps
from ledger_service.traceability.prefixes.service import allot
from tests.api.service import FUEL, GROCER, NOON, Shop

PATH, GTIN, OTHER = "/v1/prefixes", "09506000134352", "09506000134369"
NAMES = {"en": "Tea", "zh-Hans": "茶", "zh-Hant": "茶"}


def product(gtin: str, merchant: str) -> dict[str, Any]:
    return {"gtin": gtin, "merchant": merchant, "brand": "Leaf", "names": NAMES}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_gtin_under_anothers_prefix_is_refused_and_what_was_before_is_told(any_shop: Shop) -> None:
    shop = any_shop
    shop.must("fuel", "/v1/products", product(GTIN, FUEL))
    given = {"prefix": "9506000", "merchant": GROCER}
    made = shop.must("operator", PATH, given)
    assert shop.must("operator", PATH, given) == made
    refused = shop.post("fuel", "/v1/products", product(OTHER, FUEL))
    assert (*code(refused), refused.json["params"]) == (422, "gtin-of-another", {"prefix": "9506000"})
    shop.must("grocer", "/v1/products", product(OTHER, GROCER))
    # Under nobody's prefix the first one has it.
    shop.must("fuel", "/v1/products", product("09521234543213", FUEL))
    (conflict,) = shop.get("auditor", f"{PATH}/conflicts").json["conflicts"]
    assert (conflict["gtin"], conflict["merchant"], conflict["prefix_of"]) == (GTIN, FUEL, GROCER)
    for prefix in ("9506000", "95060001", "9506"):
        assert code(shop.post("operator", PATH, {"prefix": prefix, "merchant": FUEL})) == (
            409, "prefix-overlaps")  # fmt: skip
    shop.must("operator", PATH, {"prefix": "9506001", "merchant": FUEL})
    nobody = {"prefix": "9506002", "merchant": with_check_digit("952010000099")}
    assert code(shop.post("operator", PATH, nobody)) == (404, "merchant-unknown")
    assert shop.post("grocer", PATH, given).status_code == 403
    assert [p["prefix"] for p in shop.get("operator", PATH).json["prefixes"]] == ["9506000", "9506001"]
    assert [p["prefix"] for p in shop.get("grocer", PATH).json["prefixes"]] == ["9506000"]
    shop.must("operator", f"{PATH}/9506000/withdraw")
    assert code(shop.post("operator", f"{PATH}/9506000/withdraw")) == (404, "prefix-unknown")
    assert shop.get("auditor", f"{PATH}/conflicts").json["conflicts"] == []
    acts = shop.get("auditor", f"{PATH}/acts?limit=2").json
    assert [(a["act"], a["by"]) for a in acts["acts"]] == [("allotted", "operator:op")] * 2
    last = shop.get("auditor", f"{PATH}/acts?cursor={acts['next_cursor']}").json["acts"]
    assert [a["act"] for a in last] == ["withdrawn"]


def test_the_command_allots_and_tells(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    shop.must("fuel", "/v1/products", product(GTIN, FUEL))

    def run(*argv: str) -> None:
        options = items._parser().parse_args(argv)
        options.act(shop.serving.foundations, None, options)

    run("allot", "--prefix", "9506000", "--merchant", GROCER)
    run("allot", "--prefix", "9506001", "--merchant", FUEL)
    run("withdraw", "--prefix", "9506001")
    run("prefixes")
    assert capfd.readouterr().out.splitlines() == [
        f"9506000 {GROCER}", f"conflict: {GTIN} is {FUEL}'s, under 9506000 of {GROCER}"]  # fmt: skip
    with pytest.raises(MerchantUnknown):
        run("allot", "--prefix", "9506001", "--merchant", with_check_digit("952010000099"))


def test_of_two_that_overlap_at_once_one_stands(any_shop: Shop) -> None:
    database = any_shop.serving.foundations.database

    def one(prefix: str) -> bool:
        try:
            with database.begin() as conn:
                allot(conn, prefix, int(GROCER), "command", NOON)
        except PrefixOverlaps:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(one, ("9506", "95060", "950600", "9506000"))) == 1
