from dataclasses import replace

import pytest

from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.scanning.rules import Judgement, Known, Seen, Verdict, judge

GOOD = Known(State.SOLD, "L1", "270101")
UNTOLD = (None, None)
# Each step of the order, from the last to the first: adding one more must always win over what was there.
STEPS = [
    (Verdict.RISK, {}, {"before_commissioning": True}, UNTOLD),
    (Verdict.REPEAT, {"sales": 2}, {}, UNTOLD),
    (Verdict.NOT_FOR_SALE, {"state": State.STOLEN}, {}, UNTOLD),
    (Verdict.RECALLED, {"recalled": True}, {}, UNTOLD),
    (Verdict.MISMATCH, {}, {}, ("L2", None)),
]


def test_each_step_of_the_order_wins_over_all_that_follow() -> None:
    item, seen, told = GOOD, Seen(), UNTOLD
    for verdict, of_item, of_scans, said in STEPS:
        item, seen, told = replace(item, **of_item), replace(seen, **of_scans), said
        assert judge(item, told, seen).verdict is verdict


def test_an_item_that_nobody_made_is_unknown() -> None:
    assert judge(None, ("L1", None), Seen()) == Judgement(Verdict.UNKNOWN, ("not-issued",))
    assert judge(None, UNTOLD, Seen(burst=True)).reasons == ("burst-of-unknown",)


def test_a_good_item_is_genuine_for_the_first_time_and_again() -> None:
    assert judge(GOOD, ("L1", "270101"), Seen()).verdict is Verdict.GENUINE_FIRST
    assert judge(GOOD, UNTOLD, Seen(times=1, seconds=60)).verdict is Verdict.GENUINE_AGAIN
    assert judge(GOOD, UNTOLD, Seen(times=10**6, devices=4, seconds=60)).verdict is Verdict.GENUINE_AGAIN


@pytest.mark.parametrize(
    ("devices", "verdict", "hints"),
    [
        (4, Verdict.GENUINE_FIRST, ()),
        (5, Verdict.GENUINE_FIRST, ("several-devices",)),
        (9, Verdict.GENUINE_FIRST, ("several-devices",)),
        (10, Verdict.RISK, ()),
    ],
)
def test_devices_warn_from_five_and_are_a_risk_from_ten(
    devices: int, verdict: Verdict, hints: tuple[str, ...]
) -> None:
    judged = judge(GOOD, UNTOLD, Seen(devices=devices))
    assert (judged.verdict, judged.hints) == (verdict, hints)


def test_travel_faster_than_900_kilometres_an_hour_is_a_risk() -> None:
    assert judge(GOOD, UNTOLD, Seen(1, 1, 900_000, 3_600)).verdict is Verdict.GENUINE_AGAIN
    assert judge(GOOD, UNTOLD, Seen(1, 1, 900_001, 3_600)).reasons == ("impossible-travel",)


def test_a_scan_outside_its_market_is_a_hint_of_diversion_and_the_item_stays_genuine() -> None:
    judged = judge(GOOD, UNTOLD, Seen(outside_market=True))
    assert (judged.verdict, judged.hints) == (Verdict.GENUINE_FIRST, ("outside-market",))
