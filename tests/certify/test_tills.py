"""The till client passes its certification whole; tills that are wrong on purpose are caught by name."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from ledger_service.certify.catalogue import CASES
from ledger_service.certify.report import document, hash_of, text
from ledger_service.certify.running import FAILED, Certification, certify
from ledger_service.certify.sandbox import Sandbox
from ledger_service.kernel.clock import parse_instant
from ledger_service.kernel.secp256k1 import recover_address
from tests.certify.broken import BROKEN

# Each wrong till, and the cases that must find it out.
CAUGHT_BY = {
    "new_key_on_retry": ("a-lost-answer", "a-lost-answer-with-points"),
    "double_refund": ("a-refund-with-a-lost-answer",),
    "ignores_waiting": ("what-waits-is-kept",),
    "float_rounding": ("odd-prices-add-up",),
    "decimal_points": ("amounts-are-sent-as-integers",),
    "no_revoke": (
        "revoke-before-a-new-code", "an-original-that-arrives-late", "a-payment-by-pin-that-arrives-late",
    ),
    "books_while_refused": ("an-old-pay-code", "a-frozen-member", "a-pin-while-cut-off"),
    "keeps_its_queue_in_memory": ("killed-after-the-answer",),
    "takes_any_points": ("above-the-allowance", "without-an-allowance"),
    "takes_old_codes": ("an-old-code-alone",),
    "trusts_its_wall_clock": ("an-hour-ahead-with-money",),
    "sends_for_ever": ("what-is-refused-is-told",),
    "another_body_on_retry": ("an-upload-with-a-lost-answer",),
    "says_that_a_refund_is_done": ("a-refund-while-cut-off",),
    "takes_silence_for_refusal": ("a-lost-request", "money-alone"),
    "forgets_the_double_click": ("a-double-click",),
    "ignores_coupons": ("a-coupon-is-taken-off",),
}  # fmt: skip
KEY = b"\x0c" * 32


def command(*arguments: str) -> str:
    return shlex.join([sys.executable, "-m", *arguments])


def failed(found: Certification) -> set[str]:
    return {one.case.name for one in found.outcomes if one.verdict == FAILED}


@pytest.fixture(scope="module")
def whole(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Certification:
    folder = tmp_path_factory.mktemp("till")
    driver = command("ledger_service", "till", "drive", "--folder", str(folder))
    return certify(sandbox, driver, CASES.values())


def test_the_till_client_passes_every_case(whole: Certification) -> None:
    assert whole.passed, "\n".join(text(whole))
    assert len(whole.outcomes) == len(CASES) >= 40
    assert {one.verdict for one in whole.outcomes} == {"passed"}


def test_the_report_is_hashed_and_signed_and_shows_each_alteration(whole: Certification) -> None:
    report = document(whole, parse_instant("2026-01-01T00:00:00Z", "at"), KEY)
    assert report["hash"] == hash_of(report)
    signature = bytes.fromhex(report["signature"][2:])
    by = recover_address(bytes.fromhex(report["hash"][2:]), signature)
    assert by is not None
    assert "0x" + by.hex() == report["certifier"].lower()
    report["cases"][0]["verdict"] = "failed"
    assert report["hash"] != hash_of(report)


def test_every_wrong_till_has_a_case_that_must_find_it() -> None:
    assert set(CAUGHT_BY) == set(BROKEN)
    assert {name for names in CAUGHT_BY.values() for name in names} <= set(CASES)


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_wrong_till_is_caught(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    found = certify(
        sandbox, command("tests.certify.broken", name, str(tmp_path)), [CASES[c] for c in CAUGHT_BY[name]]
    )
    assert not found.passed
    assert failed(found) == set(CAUGHT_BY[name]), "\n".join(text(found))
