"""A guard against silent decay: how many Python calls and statements a group of sales costs. No busy machine
changes that."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from ledger_service.checkout.parsing import parse_sale
from ledger_service.checkout.requests import Write
from ledger_service.checkout.sale_command import SaleCommand
from ledger_service.db.group import Waiting, run_group
from tests.integration.checkout.shop import Phone, Shop, line

GROUP = 16
# Measured 2026-11; a change that needs more says why in its commit.
# 640 and no more: business date, self-checkout, households and rules each look whether they are wanted.
MOST_CALLS_PER_SALE = 640
MOST_STATEMENTS_PER_GROUP = 21


def calls_of(action: Callable[[], object]) -> int:
    """How many Python functions an action calls on this thread."""
    counted = 0

    def seen(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        action()
    finally:
        sys.setprofile(before)
    return counted


def sales(shop: Shop, phone: Phone, name: str) -> list[Waiting]:
    """Sales of three lines; one in four pays a part with points."""
    group = []
    for number in range(GROUP):
        member = {"number": phone.number}
        spend = None
        if number % 4 == 0:
            member = {"pay_code": phone.pay_code(shop.clock.at)}
            spend = [{"programme": "FUEL", "points": 3}]
        lines = [line(str(i), 250 * i) for i in (1, 2, 3)]
        body = shop.sale_body(*lines, member=member, **({"spend": spend} if spend else {}))
        request = parse_sale(body)
        write = Write(shop.caller(), f"{name}-{number}", bytes(32), shop.clock.at)
        with shop.admission.admitted(write, request) as admitted:
            group.append(Waiting(SaleCommand(write, request, admitted.presence, admitted.scene)))
    return group


def test_a_group_of_sales_stays_within_its_budget(shop: Shop) -> None:
    phone = shop.enrol()
    shop.stock(phone, 1, 1000)
    shop.stock(phone, 2, 1000)
    opened: set[tuple[str, Any]] = set()
    counts = []
    for name in ("warm", "measured"):
        group = sales(shop, phone, name)
        before = shop.database.statements.count
        with shop.database.begin_group() as conn:
            counts.append(calls_of(partial(run_group, conn, group, shop.clock.at, opened)))
        assert [w.error for w in group] == [None] * GROUP
        statements = shop.database.statements.count - before
    assert counts[-1] // GROUP <= MOST_CALLS_PER_SALE, counts
    assert statements <= MOST_STATEMENTS_PER_GROUP
