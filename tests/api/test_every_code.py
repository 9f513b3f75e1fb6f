"""Every error code has an API test, or a reason why HTTP cannot show it here; none is forgotten."""

from __future__ import annotations

from pathlib import Path

from ledger_service.api.openapi import problems_of
from ledger_service.bootstrap.doors import all_routes
from ledger_service.cli.catalogue import all_errors

_BRIDGE = "met by the bridge or a command, never by a request; tests/chain, tests/operations"
_WITNESS = "a witness's command refuses a chain; tests/chain/test_witness.py"
_IMPORT = "met by `alliance import`, never by a request; tests/integration/moving_in"
_SETTLEMENT = "met by `alliance settle` and `verify`, never by a request; tests/unit/settlement"
_FIGURES = "needs certain figures of a file or a period; tests/unit/settlement, tests/integration/settlement"
_CODES = "met by `alliance coupons`, never by a request; tests/integration/coupons"
_GOODS = "met by `alliance goods`, never by a request; tests/integration/coupons"
REASONS = {
    "goods-file-refused": _GOODS,
    "chain-no-time-control": _BRIDGE,
    "chain-house-never-in-force": _BRIDGE,
    "chain-mirrors-apart": _BRIDGE,
    "chain-node-inconsistent": _BRIDGE,
    "chain-node-refusal": _BRIDGE,
    "chain-not-leader": _BRIDGE,
    "chain-roots-apart": _BRIDGE,
    "chain-sending-key-gone": _BRIDGE,
    "chain-wrong-network": _BRIDGE,
    "chain-behind": _WITNESS,
    "chain-header-forged": _WITNESS,
    "chain-misexecuted": _WITNESS,
    "chain-rewritten": _WITNESS,
    "control-totals-differ": _IMPORT,
    "import-busy": _IMPORT,
    "import-cap-too-low": _IMPORT,
    "import-file-malformed": _IMPORT,
    "import-files-changed": _IMPORT,
    "import-issuer-suspended": _IMPORT,
    "import-state-wrong": _IMPORT,
    "import-unknown": _IMPORT,
    "parquet-reader-missing": _IMPORT,
    "rejects-not-acknowledged": _IMPORT,
    "code-file-refused": _CODES,
    "code-list-differs": _CODES,
    "code-list-not-ready": _CODES,
    "code-list-unknown": _CODES,
    "code-pattern-refused": _CODES,
    "bank-statement-too-large": _SETTLEMENT,
    "bank-statement-torn": _FIGURES,
    "payout-too-large": _FIGURES,
    "payouts-paid-already": _FIGURES,
    "payout-in-parts": _FIGURES,
    "nets-unbalanced": _SETTLEMENT,
    "settlement-no-such-pair": _SETTLEMENT,
    "statement-lines-malformed": _SETTLEMENT,
    "statement-unbalanced": _FIGURES,
    "chart-of-accounts-malformed": _SETTLEMENT,
    "period-close-not-final": _SETTLEMENT,
    "period-not-open": _BRIDGE,
    "calendar-exhausted": "needs a calendar at its end; tests of the refund and issue rules",
    "programme-without-terms": "the first terms count from the programme's creation; tests of the checkout",
    "programme-frozen-for-member": "needs a refusal by the contract; tests of set-aside operations",
    "too-many-legs": "needs nine lots; tests of the spend plan",
    "request-in-flight": "needs a signer that hangs; tests of the admission",
    "signer-unavailable": "needs a dead signing process; tests/integration/custody",
    "signing-refused": "custody refuses what the service never asks; tests/integration/custody",
    "numbers-exhausted": "needs 10^10 members; tests of the members room",
    "not-issuable": "needs an exhausted cap; tests of adjustments",
}
# Refusals that no route documents, because no request can cause them.
_BY_COMMAND = (_WITNESS, _BRIDGE, _IMPORT, _SETTLEMENT, _GOODS, _CODES)
UNDOCUMENTED = {code for code, reason in REASONS.items() if reason in _BY_COMMAND} | {
    "calendar-exhausted", "signing-refused", "method-not-allowed",
}  # fmt: skip


def test_every_code_has_an_api_test_or_a_reason() -> None:
    source = "".join(
        p.read_text() for p in Path(__file__).parent.glob("test_*.py") if p.name != Path(__file__).name
    )
    untested = {e.code for e in all_errors() if f'"{e.code}"' not in source}
    assert untested - set(REASONS) == set(), "write a test in tests/api that expects the code"
    assert set(REASONS) - untested == set(), "these are tested now: take them off the list"


def test_every_code_that_a_request_can_cause_stands_in_openapi() -> None:
    documented = {error.code for route in all_routes() for error in problems_of(route)}
    missing = {e.code for e in all_errors()} - documented
    assert missing == UNDOCUMENTED
