"""Signatures as other people's receivers check them, addresses that are never called, pauses that grow."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import pytest

from ledger_service.webhooks.rules import (
    LEAST_REST,
    MOST_REST,
    OVERLAP,
    Key,
    Verdict,
    headers_of,
    is_public,
    rest_after,
    secret_of,
    secret_text,
    secrets_at,
    url_refusal,
    verdict_of,
)

NOW = datetime(2023, 1, 19, 0, 40, 31, tzinfo=UTC)
MASTER = b"m" * 32


def test_a_message_is_signed_as_the_standard_says() -> None:
    # The key, id, second and body of the scheme's own libraries' tests.
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [secret])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_sign_for_a_day_after_a_rotation_and_one_before_and_after() -> None:
    key = Key(b"e" * 16, 2, NOW)
    old, new = (secret_of(MASTER, key.endpoint_id, n) for n in (1, 2))
    assert secrets_at(MASTER, key, NOW + OVERLAP - timedelta(seconds=1)) == [new, old]
    assert secrets_at(MASTER, key, NOW + OVERLAP) == [new]
    assert secrets_at(MASTER, Key(key.endpoint_id, 1, NOW), NOW) == [old]
    assert secret_text(new).startswith("whsec_") and len(b64decode(secret_text(new)[6:])) == 32
    signatures = headers_of("evt_1", NOW, b"{}", [new, old])["webhook-signature"].split(" ")
    for secret, text in zip((new, old), signatures, strict=True):
        digest = hmac.digest(secret, b"evt_1.1674088831.{}", "sha256")
        assert text == "v1," + b64encode(digest).decode()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://crm.example.com/hooks?x=1", None),
        ("https://93.184.216.34/", None),
        ("http://crm.example.com/", "not-https"),
        ("ftp://crm.example.com/", "not-https"),
        ("https://user:pw@crm.example.com/", "no-address"),
        ("https://crm.example.com/#part", "no-address"),
        ("https://crm.example.com:0/", "no-address"),
        ("https://crm.example.com:99999/", "no-address"),
        ("https://[::1/", "no-address"),
        ("https:///path", "no-address"),
        ("https://crm.example.com/ x", "no-address"),
        ("https://例え.jp/", "no-address"),
        ("https://intranet/", "not-public"),
        ("https://localhost/", "not-public"),
        ("https://127.0.0.1/", "not-public"),
        ("https://10.0.0.7/", "not-public"),
        ("https://169.254.169.254/latest/meta-data", "not-public"),
        ("https://[::ffff:10.0.0.1]/", "not-public"),
        ("https://[fd00::1]/", "not-public"),
        ("https://2130706433/", "not-public"),
        ("https://127.1/", "not-public"),
        ("https://0x7f.0.0.1/", "not-public"),
    ],
)
def test_only_https_addresses_of_the_open_internet_are_taken(url: str, reason: str | None) -> None:
    assert url_refusal(url, loopback=False) == reason


def test_this_machine_is_called_only_where_a_setting_lets_it() -> None:
    for url in ("http://127.0.0.1:9/", "http://localhost:9/", "https://[::1]:9/"):
        assert url_refusal(url, loopback=True) is None
        assert url_refusal(url, loopback=False) is not None
    assert url_refusal("http://10.0.0.7/", loopback=True) == "not-https"


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "127.0.0.1", "0.0.0.0",
     "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd12::1", "ff02::1", "::ffff:192.168.0.1",
     "2002:a00:1::", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.7", "64:ff9b:1::a00:7", "::127.0.0.1",
     "::ffff:0:a00:7", "fec0::1", "4000::1", "x"],
)  # fmt: skip
def test_addresses_that_are_not_of_the_open_internet_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_addresses_of_the_open_internet_are_called(address: str) -> None:
    assert is_public(address)


def test_pauses_double_up_to_an_hour_and_differ_by_a_fifth_at_most() -> None:
    assert rest_after(1, 0) == LEAST_REST
    assert rest_after(2, 0) == 2 * LEAST_REST
    assert rest_after(1_000, 0) == MOST_REST
    spread = {rest_after(3, n) for n in range(1_000)}
    assert len(spread) > 900 and min(spread) >= 4 * LEAST_REST * 4 // 5 and max(spread) == 4 * LEAST_REST


def test_what_a_status_means() -> None:
    wanted = {200: Verdict.TAKEN, 204: Verdict.TAKEN, 301: Verdict.REFUSED, 400: Verdict.REFUSED,
              404: Verdict.REFUSED, 410: Verdict.GONE, 429: Verdict.AWAY, 500: Verdict.AWAY,
              None: Verdict.AWAY}  # fmt: skip
    assert {status: verdict_of(status) for status in wanted} == wanted
