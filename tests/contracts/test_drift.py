"""Every custom error has a test, and the committed artifacts are those of the sources."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_service.chain.artifacts import load
from tests.contracts.refusals import errors_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Errors in the ABI that no caller can cause, each with the reason.
UNREACHABLE = {
    "StringTooLong": "EIP712 stores the fixed domain name",
    "InvalidShortString": "EIP712 stores the fixed domain name",
    "NotInitializing": "no function is only for initialisation",
    "FailedDeployment": "creating a clone fails only out of gas",
    "InsufficientBalance": "clones are created without value",
    "ERC20InvalidSender": "the library's set; no path has a zero sender",
    "ERC20InvalidApprover": "the library's set; approvals are restricted before an approver matters",
    "SettlementHouseSilent": "every ClearingHouse answers for every merchant",
    "ERC1155InsufficientBalance": "the library's set; whoever does not hold a coupon is refused before",
    "ERC1155InvalidApprover": "the library's set; approvals are restricted before",
    "ERC1155InvalidArrayLength": "the library's set; one coupon moves at a time",
    "ERC1155InvalidOperator": "the library's set; approvals are restricted before",
    "ERC1155InvalidReceiver": "the library's set; nobody is asked whether it takes a coupon",
    "ERC1155InvalidSender": "the library's set; transfers by hand are restricted before",
    "ERC1155MissingApprovalForAll": "the library's set; transfers by hand are restricted before",
    "AccessManagedRequiredDelay": "declared by the library; delays are answered by the manager",
}


@pytest.mark.parametrize(
    "contract",
    [
        "AllianceRegistry", "AlliancePoints", "ClearingHouse", "RecoveryDesk", "SettlementDesk", "ReserveDesk",
        "AllianceCoupons", "ItemRegistry", "CampaignDesk", "TransparencyLog",
    ],
)
def test_every_custom_error_has_a_test(contract: str) -> None:
    text = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    tested = set(re.findall(r'refused\(\s*"(\w+)"', text)) | set(re.findall(r', "(\w+)"\), \(', text))
    assert set(errors_of(load(contract))) - tested - set(UNREACHABLE) == set()
    assert not tested & set(UNREACHABLE)


def test_an_operations_refusal_names_the_operation_first() -> None:
    """What the packer relies on: only such errors set one operation aside."""
    refusals = [e for e in load("ClearingHouse").abi if e["type"] == "error" and e["inputs"]]
    named = {e["name"] for e in refusals if e["inputs"][0]["name"] == "operation"}
    assert all(e["inputs"][0]["type"] == "uint32" for e in refusals if e["name"] in named)
    source = (ROOT / "contracts/src/interfaces/IBatchRefusals.sol").read_text()
    assert named == set(re.findall(r"error (\w+)\(uint32 operation", source))


@pytest.mark.skipif(
    not (ROOT / "contracts/node_modules/@openzeppelin").exists(), reason="npm packages not installed"
)
def test_the_artifacts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/compile_contracts.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_natspec_stands_on_the_interfaces_only() -> None:
    """An auditor reads one file: in the code, public functions inherit their prose."""
    for path in (ROOT / "contracts/src").rglob("*.sol"):
        if "interfaces" not in path.parts:
            assert "@notice" not in path.read_text(), path.name


def test_no_contract_file_or_function_grows_beyond_its_size() -> None:
    for path in (ROOT / "contracts/src").rglob("*.sol"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 300, path.name
        start = None
        for number, line in enumerate(lines):
            if re.match(r"    function ", line):
                start = number
            if line == "    }" and start is not None:
                assert number - start + 1 <= 42, (path.name, lines[start])
                start = None
