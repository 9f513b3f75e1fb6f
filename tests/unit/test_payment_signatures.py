"""Signatures of payment providers: a provider's own test notice, an HMAC of another program, near misses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.payments.accounts import AccountsUnusable, read_accounts
from ledger_service.payments.errors import PaymentNoticeMalformed
from ledger_service.payments.rules import instant_of, is_fresh, line_notice, wechat_notice
from ledger_service.payments.signatures import (
    Sealed,
    line_signature,
    line_signed,
    opened,
    public_key_of,
    rsa_signed,
    wechat_message,
)

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "wechat_pay_v3.json").read_text())
GLN = int(with_check_digit("952010000000"))
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAID = {
    "trade_state": "SUCCESS", "mchid": "19", "appid": "wx1", "out_trade_no": "A-1", "transaction_id": "42",
    "amount": {"total": 1_250, "currency": "CNY"}, "payer": {"openid": "o-小明"},
    "success_time": "2026-03-01T20:00:00+08:00",
}  # fmt: skip


def signed(**changes: str) -> bool:
    given = VECTOR | changes
    message = wechat_message(given["timestamp"], given["nonce"], given["body"].encode())
    return rsa_signed(public_key_of(given["public_key"]), message, given["signature"])


def test_the_providers_own_notice_is_signed_and_opens() -> None:
    assert signed()
    resource = json.loads(VECTOR["body"])["resource"]
    sealed = Sealed(resource["ciphertext"], resource["nonce"], resource["associated_data"])
    assert opened(VECTOR["api_key"].encode(), sealed) == VECTOR["opened"].encode()
    assert opened(b"testMchAPIv3Key1", sealed) is None
    assert opened(VECTOR["api_key"].encode(), sealed._replace(associated_data="")) is None
    assert opened(VECTOR["api_key"].encode(), sealed._replace(ciphertext="no base64")) is None


@pytest.mark.parametrize(
    "change",
    [{"timestamp": "1624523847"}, {"nonce": "x"}, {"body": VECTOR["body"] + " "}, {"signature": "AAAA"},
     {"signature": "no base64"}, {"signature": ""}],
)  # fmt: skip
def test_nothing_else_is_signed(change: dict[str, str]) -> None:
    assert not signed(**change)


def test_a_line_signature_is_that_of_another_program_and_of_nothing_else() -> None:
    # printf '%s' "$SECRET$URI$BODY$NONCE" | openssl dgst -sha256 -hmac "$SECRET" -binary | base64
    secret, path, body, nonce = "a917ab6a2367b536", "/v3/payments/request", b'{"amount":250}', "1772366400000"
    expected = "ot3BE9iqYtb4lbjnTpeEzGALn/zAThN6CLXIeQDr9PU="
    assert line_signature(secret, path, body, nonce) == expected
    assert line_signed(secret, (path, body, nonce), expected)
    for other in ((path + "/", body, nonce), (path, body + b" ", nonce), (path, body, nonce + "1")):
        assert not line_signed(secret, other, expected)
    assert not line_signed("other", (path, body, nonce), expected)
    assert not line_signed(secret, (path, body, nonce), "ü")


def test_a_notice_is_young_or_nothing() -> None:
    assert is_fresh(AT, AT + timedelta(minutes=5)) and is_fresh(AT, AT - timedelta(minutes=5))
    assert not is_fresh(AT, AT + timedelta(seconds=301)) and not is_fresh(AT, AT - timedelta(seconds=301))
    assert instant_of("1624523846", unit=timedelta(seconds=1)) == datetime(2021, 6, 24, 8, 37, 26, tzinfo=UTC)
    for text in ("", "1.5", "-1", "٣", "9" * 14, "9" * 13):
        assert instant_of(text, unit=timedelta(seconds=1)) is None


def test_a_transaction_says_who_paid_what_and_when() -> None:
    found = wechat_notice(GLN, "19", PAID)
    assert found is not None
    assert (found.order, found.payer, found.amount_minor, found.paid_at) == ("A-1", "wx1:o-小明", 1_250, AT)
    assert wechat_notice(GLN, "19", PAID | {"trade_state": "NOTPAY"}) is None
    line = {"orderId": "L", "transactionId": "7", "payerId": "u", "amount": 250, "currency": "JPY"}
    assert line_notice(GLN, line, AT).amount_minor == 250
    assert line_notice(GLN, line | {"currency": "TWD"}, AT).amount_minor == 25_000
    assert "o-小明" not in repr(found)


@pytest.mark.parametrize(
    "change",
    [{"mchid": "20"}, {"amount": None}, {"amount": {"total": 1.5, "currency": "CNY"}}, {"payer": {}},
     {"amount": {"total": True, "currency": "CNY"}}, {"out_trade_no": "x" * 65}, {"out_trade_no": "a\n"},
     {"amount": {"total": 1, "currency": "CNY "}}, {"success_time": "0001-01-01T00:00:00+08:00"},
     {"success_time": "yesterday"}, {"success_time": "2026-03-01T20:00:00"}, {"transaction_id": 4}],
)  # fmt: skip
def test_a_notice_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PaymentNoticeMalformed):
        wechat_notice(GLN, "19", PAID | change)


def test_keys_stand_in_a_file_of_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "payments.json"
    assert read_accounts(path).wechat == {}
    account = {"merchant": f"{GLN:013d}", "mchid": "19", "api_v3_key": "k" * 32,
               "public_keys": {"S": VECTOR["public_key"]}}  # fmt: skip
    line = {"merchant": f"{GLN:013d}", "channel_id": "1", "channel_secret": "hush"}
    path.write_text(json.dumps({"wechat-pay": [account], "line-pay": [line]}))
    path.chmod(0o640)
    with pytest.raises(AccountsUnusable):
        read_accounts(path)
    path.chmod(0o600)
    found = read_accounts(path)
    assert found.wechat[GLN].mchid == "19" and set(found.wechat[GLN].public_keys) == {"S"}
    assert "hush" not in repr(found) and "kkk" not in repr(found)
    for wrong in (
        [], {"wechat-pay": [account | {"api_v3_key": "short"}]}, {"line-pay": [{"merchant": "1"}]},
        {"line-pay": [line | {"channel_secret": ""}]}, {"line-pay": [line | {"channel_secret": None}]},
    ):  # fmt: skip
        path.write_text(json.dumps(wrong))
        with pytest.raises(AccountsUnusable) as refused:
            read_accounts(path)
        assert "short" not in str(refused.value)
