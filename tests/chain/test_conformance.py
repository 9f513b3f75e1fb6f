"""`alliance conformance`: the real token keeps every rule, one with a fault breaks that rule alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger_service.chain.artifacts import Artifact, load
from ledger_service.chain.client import Node
from ledger_service.chain.standard.judging import FAILED, NOT_APPLICABLE, PASSED, RULES, judge
from ledger_service.chain.standard.subject import subject_of
from ledger_service.cli import conformance
from ledger_service.kernel.chain_tx import Fee, Unsigned, created_address
from ledger_service.kernel.secp256k1 import address_of_key, sign_digest
from tests.chain.networks import RELAYER_KEY, Anvil, Network, OwnChain, anvil_binary
from tests.contracts.parties import Merchant

BROKEN = Path(__file__).parents[1] / "contracts" / "artifacts" / "broken"
PAGE = Path(__file__).parents[2] / "docs" / "alliance-points-standard.md"
# The fault's token, and every rule that it breaks: the one it was made for.
TABLE = {
    "ClaimsErc20": "STD-2", "HasDecimals": "STD-3", "NameIsNotText": "STD-4", "InitialisesAgain": "STD-5",
    "TransfersSilently": "STD-6", "TransfersFromSilently": "STD-7", "Approves": "STD-8", "Permits": "STD-9",
    "TransfersAtEpoch": "STD-10", "CalendarOfItsOwn": "STD-11", "Mints": "STD-12", "CapIsPassed": "STD-13",
    "AnybodyIssues": "STD-14", "TellsIssuesTwice": "STD-15", "TellsRestoresTwice": "STD-16",
    "TellsRedemptionsTwice": "STD-17", "TellsClawbacksTwice": "STD-18", "TellsExpiriesTwice": "STD-19",
    "TellsGiftsTwice": "STD-20", "RefusesWithoutReason": "STD-21", "HidesCounters": "STD-22",
    "IgnoresExpiry": "STD-23", "BurnsGas": "STD-24", "LooksAtTheBlock": "STD-25",
}  # fmt: skip
MERCHANT = Merchant.numbered(1)
DAY = 86_400
# Answers every call with a zero word, as the first ClearingHouse does when asked for its predecessor.
ZERO_HOUSE = bytes.fromhex("6460206000f36000526005601bf3")


def broken(name: str) -> Artifact:
    fields = json.loads((BROKEN / f"{name}.json").read_text())
    code, stands = (bytes.fromhex(fields[f][2:]) for f in ("bytecode", "deployed_bytecode"))
    return Artifact(
        name,
        fields["compiler"],
        fields["source_sha256"],
        fields["method_identifiers"],
        fields["abi"],
        code,
        stands,
    )


@dataclass
class Yard:
    """A chain with an access manager and a house, where registries of any token are founded."""

    node: Node
    url: str
    nonce: int = 0

    def send(self, to: bytes | None, data: bytes) -> bytes:
        unsigned = Unsigned(31337, self.nonce, Fee(10**10, 1), 12_000_000, to, data)
        made = self.node.send([unsigned.signed(sign_digest(RELAYER_KEY, unsigned.digest()))])[0]
        assert isinstance(made, bytes), made
        until = time.monotonic() + 10
        while (receipt := self.node.receipts([made])[0]) is None and time.monotonic() < until:
            time.sleep(0.02)
        assert receipt is not None and receipt.succeeded
        self.nonce += 1
        return created_address(address_of_key(RELAYER_KEY), self.nonce - 1)

    def prepare(self) -> Yard:
        self.nonce = self.node.nonce(address_of_key(RELAYER_KEY))
        self.real = self.send(None, load("AlliancePoints").creation_code())
        self.manager = self.send(None, load("AccessManager").creation_code(address_of_key(RELAYER_KEY)))
        self.house = self.send(None, ZERO_HOUSE)
        return self

    def token_of(self, implementation: bytes, ends_in: int = 30 * DAY, epochs: int = 2) -> bytes:
        """The first programme's token of a new registry with this implementation."""
        artifact = load("AllianceRegistry")
        registry = self.send(None, artifact.creation_code(self.manager, implementation))
        now = self.node.head().timestamp
        terms = (now - DAY, 10_000, 150, 10**12, 4)
        ends = [min(now + ends_in * n, 2**40 - 1) for n in range(1, epochs + 1)]
        for call in (
            ("setClearingHouse", self.house),
            ("admitMerchant", MERCHANT.gln, *MERCHANT.addresses()),
            ("createProgramme", MERCHANT.gln, "積分", "积", ends, terms),
        ):
            self.send(registry, artifact.call_data(*call))
        return created_address(registry, 1)

    def failed(self, token: bytes) -> dict[str, str]:
        """The rules that did not pass, with what was seen."""
        verdicts = judge(subject_of(self.node, token, None))
        return {v.rule.name: v.seen for v in verdicts if v.outcome != PASSED}


@pytest.fixture(scope="module", params=[pytest.param("anvil", marks=pytest.mark.anvil), "own"])
def yard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    if request.param == "anvil" and anvil_binary() is None:
        pytest.skip("anvil is not installed")
    store = tmp_path_factory.mktemp("conformance") / "chain.db"
    network: Network = Anvil() if request.param == "anvil" else OwnChain(store=store)
    network.start()
    try:
        yield Yard(network.node(), network.url).prepare()
    finally:
        network.close()


def test_the_table_has_a_broken_token_for_every_rule_but_the_first() -> None:
    assert [TABLE[name] for name in TABLE] == [rule.name for rule in RULES[1:]]
    assert {path.stem for path in BROKEN.glob("*.json")} == {*TABLE, "Unbroken"}
    page = PAGE.read_text(encoding="utf-8")
    breakers = {rule: f"`{name}`" for name, rule in TABLE.items()}
    breakers["STD-1"] = "a clone of another implementation"
    for rule in RULES:
        assert f"| {rule.name} | {rule.title} | {breakers[rule.name]} |" in page


def test_the_real_token_keeps_every_rule_and_nothing_was_written(
    yard: Yard, capsys: pytest.CaptureFixture[str]
) -> None:
    token = yard.token_of(yard.real)
    height = yard.node.head_number()
    assert yard.failed(token) == {}
    assert conformance.main(["0x" + token.hex(), "--rpc", yard.url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["conforms"] and {rule["outcome"] for rule in told["rules"]} == {PASSED}
    assert yard.node.head_number() == height


def test_the_frame_of_the_broken_tokens_breaks_nothing(yard: Yard) -> None:
    assert yard.failed(yard.token_of(yard.send(None, broken("Unbroken").creation_code(yard.real)))) == {}


@pytest.mark.parametrize("name", TABLE)
def test_a_token_with_one_fault_fails_its_rule_alone(yard: Yard, name: str) -> None:
    seen = yard.failed(yard.token_of(yard.send(None, broken(name).creation_code(yard.real))))
    assert list(seen) == [TABLE[name]], seen


def test_a_token_of_somebodys_own_make_is_no_clone(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    listed = subject_of(yard.node, yard.token_of(yard.real), None)
    other = yard.send(None, broken("Unbroken").creation_code(yard.real))
    clone = bytes.fromhex("3d602d80600a3d3981f3363d3d373d3d3d363d73") + other
    own = yard.send(None, clone + bytes.fromhex("5af43d82803e903d91602b57fd5bf3"))
    yard.send(own, load("AlliancePoints").call_data("initialize", listed.registry, 1, "Own", "OWN"))
    assert list(yard.failed(own)) == ["STD-1"]
    assert conformance.main(["0x" + own.hex(), "--rpc", yard.url]) == 1
    assert f"{FAILED:<15}STD-1" in capsys.readouterr().out


def test_after_the_last_epoch_what_needs_one_is_not_applicable(yard: Yard) -> None:
    token = yard.token_of(yard.real, ends_in=2)
    yard.node.control(("evm_increaseTime", [10]), ("evm_mine", []))
    verdicts = judge(subject_of(yard.node, token, None))
    outcomes = {v.rule.name: v.outcome for v in verdicts if v.outcome != PASSED}
    assert outcomes == {f"STD-{n}": NOT_APPLICABLE for n in range(15, 25)}


def test_points_that_never_expire_have_no_end_to_judge(yard: Yard) -> None:
    token = yard.token_of(yard.real, ends_in=2**40 - 1, epochs=1)
    assert list(yard.failed(token)) == ["STD-23"]


def test_what_is_no_token_is_not_judged(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(["0x" + "11" * 20, "--rpc", yard.url]) == 2
    assert "no token of an alliance" in capsys.readouterr().err
    assert conformance.main(["not an address", "--rpc", yard.url]) == 2
