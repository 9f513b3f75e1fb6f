"""Reading the service's metrics, and the phones' second opinion about balances."""

from __future__ import annotations

from ledger_service.demo.observer import metrics_of
from ledger_service.demo.phones import Phone, device_key
from ledger_service.demo.second_opinion import book_of_answer, book_of_phone

TEXT = """# HELP alliance_writer_statements_total SQL statements
alliance_writer_statements_total 120.0
alliance_http_requests_total{method="GET",route="/v1/x",status="200"} 3.0
alliance_http_requests_total{method="POST",route="/v1/x",status="201"} 4.0
alliance_http_requests_created{method="GET"} 1.7e+09
alliance_chain_lag_operations 0.0
"""


def test_metrics_are_added_up_over_their_labels() -> None:
    metrics = metrics_of(TEXT)
    assert metrics["writer_statements"] == 120
    assert metrics["http_requests"] == 7
    assert metrics["chain_lag_operations"] == 0
    assert metrics["never_seen"] == 0


def test_a_phone_and_a_balance_that_tell_the_same_give_the_same_book() -> None:
    phone = Phone(1, device_key("seed", 1))
    phone.lots = {"FUEL": {100: 5, 200: 7, 300: 0}}
    lots = [
        {"expires_at": "1970-01-01T00:01:40Z", "available": 5},
        {"expires_at": "1970-01-01T00:03:20Z", "available": 7},
        {"expires_at": None, "available": 0},
    ]
    answer = {"balances": [{"programme": "FUEL", "lots": lots}]}
    assert book_of_phone(phone, 150) == book_of_answer(answer, 150) == {("FUEL", 200): 7}
    phone.lots["FUEL"][200] = 6
    assert book_of_phone(phone, 150) != book_of_answer(answer, 150)
