"""Terms, links, attribution and suspicion as pure rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.referrals.campaigns.errors import ShareTermsRefused
from ledger_service.referrals.campaigns.rules import (
    Milestone,
    Terms,
    Touch,
    Trigger,
    check_terms,
    terms_of,
    terms_text,
)
from ledger_service.referrals.links.binding import Committed, breaks
from ledger_service.referrals.links.rules import (
    CODE_LENGTH,
    chained,
    codes_of,
    commitment_of,
    is_machine,
    party_of,
    typed,
)
from ledger_service.referrals.rewards.fraud_rules import REASONS, Facts, reasons_of
from ledger_service.referrals.rewards.rules import (
    SKEW,
    Bind,
    Line,
    after_step,
    attributed,
    concerns,
    plan,
    standing_refusal,
    taken_back,
    trigger_met,
)

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
TERMS = Terms(Trigger.FIRST_PURCHASE, sharer_points=100, newcomer_points=50)
CODES = codes_of(b"s" * 32)


@dataclass(frozen=True)
class Sold:
    """A purchase."""

    sold_at: datetime = AT
    recorded_at: datetime = AT
    amount_minor: int = 1_000
    sale_id: bytes = bytes(16)
    member_id: int = 2
    merchant_id: int = 1
    cashier: str | None = None
    scanned: bool = False


def bind(number: int, touched: timedelta, sharer: int = 1, **changes: object) -> Bind:
    at = AT + touched
    return Bind(number, bytes(16), 1, 2, sharer, False, at, at)._replace(**changes)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(Trigger.BASKET, sharer_points=1), "basket-without-least"),
        (Terms(Trigger.FIRST_PURCHASE), "nobody-rewarded"),
        (Terms(Trigger.ITEM_SCAN, sharer_points=1, least_minor=5), "scan-with-basket"),
        (Terms(Trigger.FIRST_PURCHASE, sharer_points=1, nth=2), "nth-without-trigger"),
        (Terms(Trigger.FIRST_PURCHASE, newcomer_points=5, second_points=1), "second-without-sharer"),
        (Terms(Trigger.FIRST_PURCHASE, sharer_points=5, second_points=6), "second-above-sharer"),
        (
            Terms(Trigger.FIRST_PURCHASE, milestones=(Milestone(3, 1), Milestone(2, 1))),
            "milestones-not-ascending",
        ),
        (Terms(Trigger.FIRST_PURCHASE, milestones=(Milestone(3, 0),)), "milestone-without-reward"),
        (Terms(Trigger.FIRST_PURCHASE, newcomer_points=5, second_coupon=7), "second-without-sharer"),
        (
            Terms(Trigger.FIRST_PURCHASE, milestones=tuple(Milestone(n, 1) for n in range(1, 10))),
            "too-many-milestones",
        ),
    ],
)
def test_terms_that_break_a_rule_are_refused_by_its_name(terms: Terms, reason: str) -> None:
    with pytest.raises(ShareTermsRefused) as refused:
        check_terms(terms)
    assert refused.value.reason == reason


def test_terms_are_read_as_they_were_written_and_reach_two_levels_at_most() -> None:
    terms = replace(TERMS, second_points=20, milestones=(Milestone(3, 500, 7),), touch=Touch.FIRST)
    assert terms_of(terms_text(terms)) == terms
    # As milestones were written before they could give coupons.
    before = terms_text(terms).replace("[3,500,7]", "[3,500]")
    assert terms_of(before).milestones == (Milestone(3, 500),)
    second = replace(TERMS, second_coupon=8)
    assert (TERMS.depth, terms.depth, second.depth) == (1, 2, 2)
    assert terms.coupons | second.coupons == {7, 8}
    # Nothing is paid for enrolling: no trigger says so.
    assert {t.value for t in Trigger} == {"first-purchase", "nth-purchase", "basket", "item-scan"}


@given(
    st.binary(min_size=5, max_size=5), st.integers(0, CODE_LENGTH - 1), st.sampled_from("0123456789abcxyz")
)
def test_a_code_with_one_wrong_digit_is_not_ours(number: bytes, place: int, digit: str) -> None:
    code = CODES.code_of(number)
    assert len(code) == CODE_LENGTH
    assert CODES.is_ours(code)
    assert CODES.is_ours(typed(f" {code[:4]}-{code[4:]} ".upper()))
    other = code[:place] + digit + code[place + 1 :]
    # A changed number has the same check once in a million.
    assert other == code or not CODES.is_ours(other) or place < CODE_LENGTH - 4


def test_a_code_of_another_key_is_not_ours() -> None:
    codes = [codes_of(b"t" * 32).code_of(number.to_bytes(5, "big")) for number in range(200)]
    assert sum(CODES.is_ours(code) for code in codes) == 0
    assert not CODES.is_ours("")
    assert not CODES.is_ours("中文")


PROGRAMS = {
    "previews": (
        "WhatsApp/2.23.20.0 A", "facebookexternalhit/1.1;line-poker/1.0", "TelegramBot (like TwitterBot)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Twitterbot/1.0", "LinkedInBot/1.0",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "SkypeUriPreview Preview/0.5",
    ),
    "indexes": (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0)", "Mozilla/5.0 (compatible; YandexBot/3.0)",
        "Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/17 Safari/605 (Applebot/0.1)",
        "Sogou web spider/4.0",
    ),
    "scripts": (
        "", "curl/8.5.0", "Wget/1.21", "python-requests/2.31", "Python/3.11 aiohttp/3.9.1",
        "Go-http-client/2.0",
        "axios/1.6.2", "node-fetch/1.0", "undici", "okhttp/4.12.0", "Apache-HttpClient/4.5",
        "Java/17.0.2",
        "PostmanRuntime/7.36.0", "GuzzleHttp/7", "Ruby", "Scrapy/2.11 (+https://scrapy.org)",
    ),
    "browsers without a screen": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 PhantomJS/2.1.1 Safari/538.1",
    ),
}  # fmt: skip
PEOPLE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) AppleWebKit/605 MicroMessenger/8.0.42 Language/zh_CN",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 Chrome/120 Mobile Safari/537 Line/13.20",
    "Mozilla/5.0 (Linux; Android 13; M2101) Chrome/116 Mobile Safari/537 Telegram-Android/10.3.2 (Xiaomi)",
    "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/96 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) AppleWebKit/605.1.15 Version/17.1 Safari/605.1.15",
    "Mozilla/5.0 (Linux; U; Android 12; zh-cn) AppleWebKit/537 MQQBrowser/13.3 Weibo (Xiaomi__weibo__13.9)",
    "Mozilla/5.0 (iPad; CPU OS 16_6) AppleWebKit/605 [FBAN/FBIOS;FBAV/441]",
    "Opera/9.80 (Android; Opera Mini/36.2) Presto/2.12 Version/12.16",
)


@pytest.mark.parametrize("agent", [one for some in PROGRAMS.values() for one in some])
def test_what_fetches_a_preview_is_a_machine(agent: str) -> None:
    assert is_machine(agent)


@pytest.mark.parametrize("agent", PEOPLE)
def test_the_browsers_of_people_are_none(agent: str) -> None:
    assert not is_machine(agent)


def test_the_last_touch_or_the_first_counts_within_the_window() -> None:
    binds = [bind(1, -timedelta(days=20), 7), bind(2, -timedelta(days=5), 8), bind(3, -timedelta(days=31), 9)]
    last = attributed(binds, Sold(), {1: TERMS})
    first = attributed(binds, Sold(), {1: replace(TERMS, touch=Touch.FIRST)})
    assert last is not None
    assert first is not None
    assert (last.sharer_id, first.sharer_id) == (8, 7)
    assert attributed(binds, Sold(AT + timedelta(days=40), AT + timedelta(days=40)), {1: TERMS}) is None
    assert attributed(binds, Sold(), {}) is None


def test_a_touch_counts_only_if_it_was_committed_before_the_sale_was_recorded() -> None:
    late = bind(1, -timedelta(days=1), bound_at=AT + timedelta(seconds=1))
    assert attributed([late], Sold(), {1: TERMS}) is None
    # The sale of a till without a connection: made before the touch, told after it.
    made_before = Sold(AT - timedelta(hours=3), AT)
    assert attributed([bind(1, -timedelta(hours=1))], made_before, {1: TERMS}) is None


def test_a_tills_clock_may_be_two_minutes_behind() -> None:
    touched = [bind(1, timedelta(0))]
    assert attributed(touched, Sold(AT - SKEW, AT + SKEW), {1: TERMS}) is not None
    assert attributed(touched, Sold(AT - SKEW - timedelta(seconds=1), AT + SKEW), {1: TERMS}) is None


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), min_size=1, max_size=8))
def test_the_order_in_which_touches_are_looked_at_changes_nothing(touches: list[tuple[int, int]]) -> None:
    binds = [bind(n, -timedelta(days=days), sharer) for n, (days, sharer) in enumerate(touches, 1)]
    assert attributed(binds, Sold(), {1: TERMS}) == attributed(binds[::-1], Sold(), {1: TERMS})


def test_each_trigger_asks_for_its_purchase() -> None:
    assert trigger_met(TERMS, Sold(), 1, customer=False)
    assert not trigger_met(TERMS, Sold(), 1, customer=True)
    assert not trigger_met(TERMS, Sold(), 2, customer=False)
    third = Terms(Trigger.NTH_PURCHASE, sharer_points=1, nth=3)
    assert [n for n in range(1, 6) if trigger_met(third, Sold(), n, customer=True)] == [3]
    basket = Terms(Trigger.BASKET, sharer_points=1, least_minor=1_000)
    assert trigger_met(basket, Sold(), 9, customer=True)
    assert not trigger_met(basket, Sold(amount_minor=999), 1, customer=False)
    scan = Terms(Trigger.ITEM_SCAN, sharer_points=1)
    assert trigger_met(scan, Sold(amount_minor=0, scanned=True), 9, customer=True)
    looks_at = [concerns(t, Sold(scanned=s)) for t in (scan, basket) for s in (True, False)]
    assert looks_at == [True, False, False, True]


def test_a_purchase_pays_both_sides_the_second_level_and_a_milestone_and_no_third() -> None:
    terms = replace(TERMS, second_points=20, milestones=(Milestone(3, 500),))
    paid = plan(terms, 2, Line(1, 9, 2))
    assert [(p.role, p.member_id, p.depth, p.points) for p in paid] == [
        ("newcomer", 2, 1, 50), ("sharer", 1, 1, 100), ("milestone", 1, 1, 500), ("second", 9, 2, 20),
    ]  # fmt: skip
    gifts = replace(terms, second_points=0, second_coupon=8, milestones=(Milestone(3, 5, 7), Milestone(4, 1)))
    assert [(p.role, p.depth, p.points, p.coupon) for p in plan(gifts, 2, Line(1, 9, 2))[2:]] == [
        ("milestone", 1, 5, None), ("milestone", 1, 0, 7), ("second", 2, 0, 8),
    ]  # fmt: skip
    # The second level is never the buyer itself, and a live code of a cashier pays no sharer.
    assert [p.role for p in plan(terms, 2, Line(1, 2, 0))] == ["newcomer", "sharer"]
    assert [p.role for p in plan(terms, 2, Line(None))] == ["newcomer"]


def test_a_circle_and_a_sharer_that_had_its_share_pay_nothing() -> None:
    assert standing_refusal(TERMS, 2, Line(1, 5), [5, 2]) == "circle"
    assert standing_refusal(TERMS, 2, Line(2), []) == "circle"
    assert standing_refusal(replace(TERMS, most_per_sharer=3), 2, Line(1, None, 3), []) == "sharer-limit"
    assert standing_refusal(TERMS, 2, Line(1, 5), [5, 6]) is None


@given(*(st.integers(0, 500),) * 4)
def test_what_goes_back_adds_up_to_the_reward(points: int, pending: int, available: int, issued: int) -> None:
    taken = taken_back(points, pending, available, issued)
    assert taken.pending + taken.available + taken.debt == points
    assert taken.available <= min(available, issued)
    assert min(taken.pending, taken.available, taken.debt) >= 0


def test_steps_fit_their_states() -> None:
    assert after_step("held", "refuse") == "refused"
    assert after_step("refused", "appeal") == "appealed"
    assert after_step("appealed", "expire") == "due"
    assert after_step("granted", "refuse") is None
    assert after_step("refused", "release") is None


def test_nothing_suspicious_has_no_reason_and_everything_has_all() -> None:
    assert reasons_of(Facts(), TERMS) == ()
    kinds = frozenset({"device", "payment", "phone", "address", "household"})
    around = Facts(kinds, 11, 6, True, True, timedelta(seconds=59), 6, frozenset({"phone"}), True, 61)
    assert reasons_of(around, TERMS) == REASONS


def test_a_commitment_opens_with_its_salt_only_and_a_changed_chain_shows_where() -> None:
    body = {"campaign": "SPRING", "member": party_of(b"m" * 32, b"a" * 20)}
    assert commitment_of(b"s" * 32, body) != commitment_of(b"t" * 32, body)
    links, before = [], bytes(32)
    for number in range(1, 5):
        commitment = commitment_of(bytes([number]) * 32, body)
        before = chained(before, number, commitment, 0)
        links.append(Committed(number, commitment, before, datetime(1970, 1, 1, tzinfo=UTC)))
    assert breaks(links, bytes(32)) == []
    links[2] = links[2]._replace(commitment=bytes(32))
    assert breaks(links, bytes(32)) == [3]
