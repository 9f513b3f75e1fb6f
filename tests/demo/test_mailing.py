"""The real campaigns' coupons, as a run issues and counts them."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

from ledger_service.demo.mailing import Mailing
from tests.demo.test_cut_off_coupons import AT


class Desk:
    """Issues what it is asked for, once all who ask have asked."""

    def __init__(self, most: int) -> None:
        self._left, self._all = most, asyncio.Event()

    async def issue(self, _made: Any, numbers: list[str], _reference: str, _at: Any) -> int:
        self._left -= 1
        if not self._left:
            self._all.set()
        await self._all.wait()
        return len(numbers)


def joined(counts: Counter[str], desk: Desk) -> Mailing:
    campaign = SimpleNamespace(number=1, begins=0, ends=2**40)
    mailing = Mailing.__new__(Mailing)
    mailing._town = SimpleNamespace(counts=counts)  # type: ignore[assignment]
    mailing._desk = desk  # type: ignore[assignment]
    mailing._made = {1: {7: (70, "letter")}}
    mailing._of_household = {n: [campaign] for n in range(20)}  # type: ignore[assignment]
    mailing._issued = lambda *_: Counter({7: 1})  # type: ignore[method-assign]
    return mailing


def test_coupons_of_households_that_join_at_the_same_time_are_all_counted() -> None:
    counts = Counter[str]()

    async def join() -> None:
        mailing = joined(counts, Desk(20))
        phones = [SimpleNamespace(number=str(n)) for n in range(20)]
        baskets = [SimpleNamespace(household=n, at=AT) for n in range(20)]
        await asyncio.gather(*map(mailing.welcome, phones, baskets))  # type: ignore[arg-type]

    asyncio.run(join())
    assert counts == {"coupons issued": 20}
