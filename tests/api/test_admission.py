"""A full service says so: places to work, bodies on their way, guesses, members' limits."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest

from ledger_service.api.admission import (
    MOST_READING,
    MOST_READING_OF_A_KEY,
    MOST_READING_OF_AN_ADDRESS,
    MOST_READING_OF_STRANGERS,
    SPARE_THREADS,
    Admission,
)
from ledger_service.api.errors import ServiceBusy
from ledger_service.api.limits import Buckets, Policy
from ledger_service.bootstrap.http import application
from ledger_service.kernel.gs1 import with_check_digit
from tests.api.service import GROCER_STORE, Shop, basket


def test_a_short_wait_for_a_place_is_no_refusal() -> None:
    admission, inside, leave = Admission(1, patience_seconds=30), threading.Event(), threading.Event()

    def work() -> None:
        with admission.working():
            inside.set()
            leave.wait(30)

    worker = threading.Thread(target=work)
    worker.start()
    inside.wait(30)
    threading.Timer(0.05, leave.set).start()
    with admission.working():
        assert leave.is_set()
    worker.join()


def test_a_service_where_nobody_comes_or_goes_is_busy_at_once_until_a_place_is_free() -> None:
    now = [100.0]
    admission = Admission(1, patience_seconds=2, ticks=lambda: now[0])
    with admission.working():
        now[0] += 2.5
        for _ in range(3):
            with pytest.raises(ServiceBusy), admission.working():
                pass
    with admission.working():
        pass


def test_slow_bodies_of_one_key_and_of_all_keys_are_bounded_and_leave_threads_to_answer() -> None:
    assert MOST_READING < SPARE_THREADS
    admission = Admission(1)
    with ExitStack() as open_bodies:
        for _ in range(MOST_READING_OF_A_KEY):
            open_bodies.enter_context(admission.reading("a"))
        with pytest.raises(ServiceBusy), admission.reading("a"):
            pass
        for number in range(MOST_READING - MOST_READING_OF_A_KEY):
            open_bodies.enter_context(admission.reading(str(number)))
        with pytest.raises(ServiceBusy), admission.reading("b"):
            pass
    with admission.reading("a"):
        pass
    assert not admission._reading


def test_slow_strangers_of_one_address_keep_out_neither_other_strangers_nor_tills() -> None:
    admission = Admission(1)
    with ExitStack() as open_bodies:
        for _ in range(MOST_READING_OF_AN_ADDRESS):
            open_bodies.enter_context(admission.reading("", "203.0.113.9"))
        with pytest.raises(ServiceBusy), admission.reading("", "203.0.113.9"):
            pass
        for number in range(MOST_READING_OF_STRANGERS - MOST_READING_OF_AN_ADDRESS):
            open_bodies.enter_context(admission.reading("", f"198.51.100.{number}"))
        with pytest.raises(ServiceBusy), admission.reading("", "192.0.2.1"):
            pass
        for number in range(MOST_READING - MOST_READING_OF_STRANGERS):
            open_bodies.enter_context(admission.reading(f"key {number}"))
    assert not admission._reading


def with_pipeline(shop: Shop, **changes: object) -> Shop:
    pipeline = replace(shop.serving.pipeline, **changes)
    return replace(shop, client=application(replace(shop.serving, pipeline=pipeline)).test_client())


def test_a_full_service_answers_503_and_goes_on_showing_its_health(open_shop_once: Shop) -> None:
    full = with_pipeline(open_shop_once, admission=Admission(0, patience_seconds=0))
    answer = full.post("grocer-till", "/v1/sales", basket())
    assert (answer.status_code, answer.json["code"]) == (503, "service-busy")
    assert int(answer.headers["Retry-After"]) >= 1
    assert full.client.get("/healthz").status_code == 200


def test_all_keys_of_a_member_share_one_limit(open_shop_once: Shop) -> None:
    shop = open_shop_once
    number = shop.must("grocer", "/v1/members", {"custody": "custodial"})["number"]
    first, second = shop.key_for("member", number), shop.key_for("member", number)
    tight = with_pipeline(shop, members=Buckets(Policy("member", 1, 2)))
    path = f"/v1/members/{number}/balance"
    assert [tight.get(key, path).status_code for key in (first, second, first)] == [200, 200, 429]
    assert tight.get("auditor", path).status_code == 200


def test_a_key_that_shows_wrong_codes_has_to_wait_and_still_sells_without_them(open_shop_once: Shop) -> None:
    careful = with_pipeline(open_shop_once, guesses=Buckets(Policy("guess", 1, 3, 3_600)))
    guess = {"pay_code": with_check_digit("71" + "0" * 15)}
    codes = [careful.post("grocer-till", "/v1/quotes", basket(member=guess)) for _ in range(4)]
    told = [answer.json.get("code") for answer in codes]
    assert told == ["pay-code-wrong"] * 3 + ["rate-limited"]
    assert int(codes[-1].headers["Retry-After"]) > 3_000
    looked = careful.post("grocer-till", "/v1/pay-codes/query", guess)
    assert looked.status_code == 429
    assert careful.post("grocer-till", "/v1/sales", basket(GROCER_STORE)).status_code == 201
    other = careful.post("fuel-till", "/v1/pay-codes/query", guess)
    assert other.status_code != 429
