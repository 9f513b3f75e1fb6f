"""Witnesses on real nodes: they follow, go on where they stopped, and sign nothing that was told anew."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ledger_service.chain.node.errors import StoreError
from ledger_service.chain.witness.executing import Executor
from ledger_service.chain.witness.following import Following
from ledger_service.chain.witness.statements import EXECUTED, LINKED, read_statements, signed
from ledger_service.cli import main
from ledger_service.kernel.chain_tx import Fee, Unsigned
from ledger_service.kernel.secp256k1 import SigningKey, address_of_key, address_text, keccak256, sign_digest
from tests.chain.networks import APPROVER_KEY, OPERATOR_KEY, RELAYER_KEY, Network, OwnChain

KEYS = [keccak256(f"witness {n}".encode()) for n in range(3)]
MOST_LOOKS = 500
FUNDED = [address_text(address_of_key(key)) for key in (RELAYER_KEY, OPERATOR_KEY, APPROVER_KEY)]


class Witness:
    """A merchant's own machine: its key, its statements, perhaps its own copy of the chain."""

    def __init__(self, folder: Path, number: int, *, executes: bool = False) -> None:
        self.folder = folder / f"w{number}"
        self.folder.mkdir()
        self.key, self.out = self.folder / "key", self.folder / "statements"
        self.key.write_text(KEYS[number].hex())
        self.key.chmod(0o600)
        self.address = address_text(address_of_key(KEYS[number]))
        self.work = [] if not executes else ["--work", str(self.folder / "work")]
        self.work += [part for one in FUNDED for part in ("--funded", one)] if executes else []

    def sign(self, url: str, *more: str) -> int:
        given = ["witness", "sign", "--rpc", url, "--key", str(self.key), "--out", str(self.out)]
        return main([*given, *self.work, *more])


def mine(network: Network, count: int, word: bytes = b"") -> None:
    """So many blocks more; those with a word hold a transaction that says it."""
    node = network.node()
    for _ in range(count):
        if not word:
            node.control(("evm_mine", []))
            continue
        sender = address_of_key(RELAYER_KEY)
        fee = Fee(3 * 10**9, 0)
        nonce = node.nonce(sender)
        plain = Unsigned(node.chain_id, nonce, fee, 100_000, sender, word)
        assert node.send([plain.signed(sign_digest(RELAYER_KEY, plain.digest()))])
        # anvil answers before its block is mined.
        for _ in range(MOST_LOOKS):
            if node.nonce(sender) > nonce:
                break
            time.sleep(0.01)


def named(folder: Path, *witnesses: Witness) -> list[str]:
    path = folder / "witnesses.json"
    path.write_text(json.dumps({one.address: f"w{n}" for n, one in enumerate(witnesses)}))
    return ["--witnesses", str(path)]


def checked(url: str, quorum: int, files: list[Path], *more: str) -> int:
    given = ["witness", "check", *map(str, files), "--rpc", url, "--quorum", str(quorum)]
    return main([*given, *more])


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., OwnChain]]:
    """Chains of the project's own that share their block zero: as many as are asked for."""
    made: list[OwnChain] = []

    def start() -> OwnChain:
        more = {"genesis_time": made[0].genesis_time} if made else {}
        made.append(OwnChain(store=tmp_path / f"chain{len(made)}.db", **more))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.parametrize("executes", [True, False])
def test_it_goes_on_from_the_last_head_and_tells_how_it_looked(
    own: Callable[..., OwnChain], tmp_path: Path, executes: bool
) -> None:
    chain, one = own(), Witness(tmp_path, 0, executes=executes)
    mine(chain, 2, b"hello")
    mine(chain, 1)
    assert one.sign(chain.url) == 0
    mine(chain, 2, b"again")
    assert one.sign(chain.url, "--depth", "1") == 0
    assert one.sign(chain.url, "--depth", "1") == 0
    told = [each.head for each in read_statements(one.out)]
    assert [(head.block_number, head.since) for head in told] == [(3, 0), (4, 3)]
    assert {head.checks for head in told} == {EXECUTED if executes else LINKED}
    blocks = chain.node().blocks([3, 4])
    assert [head.block_hash for head in told] == [block.hash for block in blocks if block is not None]
    if executes:
        # A copy that was lost is executed anew; the statements stay what they are.
        for path in (one.folder / "work").iterdir():
            path.unlink()
        assert one.sign(chain.url) == 0
        assert read_statements(one.out)[-1].head.block_number == 5


@pytest.mark.parametrize("executes", [True, False])
def test_a_chain_that_was_rewritten_is_named_and_not_signed(
    own: Callable[..., OwnChain], tmp_path: Path, capsys: pytest.CaptureFixture[str], executes: bool
) -> None:
    chain, one = own(), Witness(tmp_path, 0, executes=executes)
    mine(chain, 2, b"as it was")
    assert one.sign(chain.url) == 0
    mine(chain, 2, b"as it was")
    assert one.sign(chain.url) == 0
    before = one.out.read_bytes()
    was = chain.node().blocks([4])[0]
    chain.kill()
    chain.forget()
    chain.start()
    assert one.sign(chain.url) == 2, "a chain that is shorter has not been told differently yet"
    mine(chain, 5, b"as it is told now")
    assert one.sign(chain.url) == 1
    now = chain.node().blocks([4])[0]
    told = capsys.readouterr().err
    assert was is not None and now is not None
    assert "chain-rewritten" in told and was.hash.hex() in told and now.hash.hex() in told
    assert one.out.read_bytes() == before
    assert checked(chain.url, 1, [one.out], *named(tmp_path, one)) == 1
    assert f"rewritten: block 4 is 0x{was.hash.hex()}" in capsys.readouterr().out


def test_anvil_is_followed_by_its_headers_and_a_rewrite_is_named(
    anvil: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, node = Witness(tmp_path, 0), anvil.node()
    mine(anvil, 2, b"\1")
    assert one.sign(anvil.url) == 0
    snapshot = node.control(("evm_snapshot", []))[0]
    mine(anvil, 2, b"\2")
    assert one.sign(anvil.url) == 0
    node.control(("evm_revert", [snapshot]))
    mine(anvil, 3, b"\3")
    assert one.sign(anvil.url) == 1
    assert "chain-rewritten {'block': 4" in capsys.readouterr().err.replace('"', "'")
    assert [each.head.checks for each in read_statements(one.out)] == [LINKED, LINKED]


def test_two_stories_told_to_two_witnesses_are_a_fork(
    own: Callable[..., OwnChain], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine_chain, theirs = own(), own()
    one, two, three = (Witness(tmp_path, n) for n in range(3))
    mine(mine_chain, 3, b"a")
    mine(theirs, 3, b"b")
    for witness, chain in ((one, mine_chain), (two, mine_chain), (three, theirs)):
        assert witness.sign(chain.url) == 0
    everybody = named(tmp_path, one, two, three)
    assert checked(mine_chain.url, 2, [one.out, two.out], *everybody) == 0
    assert checked(mine_chain.url, 3, [one.out, two.out], *everybody) == 1
    capsys.readouterr()
    assert checked(mine_chain.url, 2, [one.out, two.out, three.out], *everybody, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert {(found["kind"], found["block"]) for found in told["findings"]} == {("fork", 3), ("rewritten", 3)}
    assert told["heights"] == {"w0": 3, "w1": 3}
    # Who is no witness counts for nothing, and contradicts nothing.
    assert checked(mine_chain.url, 2, [one.out, two.out, three.out], *named(tmp_path, one, two)) == 0


def test_the_quorum_is_the_height_that_enough_have_reached(
    own: Callable[..., OwnChain], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = own()
    one, two = Witness(tmp_path, 0), Witness(tmp_path, 1)
    for witness, blocks in ((one, 2), (two, 3)):
        mine(chain, blocks)
        assert witness.sign(chain.url) == 0
    for quorum, height in ((1, 5), (2, 2)):
        capsys.readouterr()
        files = [one.out, two.out]
        assert checked(chain.url, quorum, files, *named(tmp_path, one, two), "--json") == 0
        assert json.loads(capsys.readouterr().out)["block"] == height


def test_a_block_that_its_transactions_do_not_come_to_is_not_signed(
    own: Callable[..., OwnChain], tmp_path: Path
) -> None:
    chain = own()
    mine(chain, 1, b"x")
    node = chain.node()
    following = Following(node)
    zero, funded = following.block(0), [address_of_key(RELAYER_KEY)]
    with pytest.raises(Exception, match="chain-misexecuted"):
        Executor(tmp_path / "short.db", zero, node.chain_id, funded)
    everybody = [bytes.fromhex(one[2:]) for one in FUNDED]
    executor = Executor(tmp_path / "work.db", zero, node.chain_id, everybody)
    block = Following(node, executor=executor).block(1)
    with pytest.raises(Exception, match="chain-misexecuted"):
        executor.execute(replace(block, timestamp=block.timestamp + 1))
    with pytest.raises(StoreError):
        Executor(tmp_path / "work.db", zero, node.chain_id, everybody)
    executor.close()


def statement(own_chain: OwnChain, key: bytes = KEYS[0]) -> dict[str, Any]:
    head = Following(own_chain.node()).next_head([])
    assert head is not None
    return dict(json.loads(signed(head, SigningKey(key), address_of_key(key), 1).line()))


def test_a_statement_with_any_field_altered_missing_or_added_is_refused(
    own: Callable[..., OwnChain], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = own()
    mine(chain, 1)
    good, one = statement(chain), Witness(tmp_path, 0)
    names = named(tmp_path, one)

    def told(body: object) -> int:
        text = body if isinstance(body, str) else json.dumps(body)
        one.out.write_text(text)
        return checked(chain.url, 1, [one.out], *names)

    assert told(good) == 0
    for name, value in good.items():
        flipped = value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
        wrong: list[object] = [None, True, 1.5, [], {}, "", "0x", -1, 2**63, flipped]
        wrong += ["0x" + "zz" * 32, value if isinstance(value, int) is False and not value else "x"]
        for other in wrong:
            assert told(good | {name: other}) == 2, (name, other)
        assert told({key: rest for key, rest in good.items() if key != name}) == 2, name
    for text in ("{", "[]", "1", json.dumps(good | {"more": 1}), json.dumps(good) + "\nx"):
        assert told(text) == 2, text
    one.out.write_bytes(b"\xff\xfe")
    assert checked(chain.url, 1, [one.out], *names) == 2
    assert checked(chain.url, 1, [tmp_path / "none"], *names) == 2
    assert "must" in capsys.readouterr().err


@pytest.mark.parametrize(
    "witnesses",
    ["", "[]", "{}", '{"0x12": "a"}', '{"%s": ""}', '{"%s": 1}', '{"%s": "a", "%s": "b"}', "\xff"],
)
def test_a_file_of_witnesses_that_is_none_and_an_odd_quorum_are_refused(
    own: Callable[..., OwnChain], tmp_path: Path, witnesses: str
) -> None:
    chain, one = own(), Witness(tmp_path, 0)
    assert one.sign(chain.url) == 0
    names = named(tmp_path, one)
    for quorum in (0, 2, -1):
        assert checked(chain.url, quorum, [one.out], *names) == 2
    filled = witnesses.replace("%s", one.address, 1).replace("%s", one.address.upper().replace("0X", "0x"))
    (tmp_path / "witnesses.json").write_bytes(filled.encode("latin-1"))
    assert checked(chain.url, 1, [one.out], *names) == 2


def test_a_key_that_others_can_read_or_that_is_none_signs_nothing(
    own: Callable[..., OwnChain],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chain, one = own(), Witness(tmp_path, 0)
    one.key.chmod(0o640)
    assert one.sign(chain.url) == 2
    one.key.chmod(0o600)
    for text in ("", "0" * 64, "f" * 64, "12" * 31, "not a key"):
        one.key.write_text(text)
        assert one.sign(chain.url) == 2
        assert not text or text not in capsys.readouterr().err
    given = ["witness", "sign", "--rpc", chain.url, "--out", str(one.out)]
    # A key that stands in the environment alone comes by `printenv NAME |`; a file of another key is left.
    for text, ends in (("", 2), (KEYS[0].hex() + "\n", 0), (KEYS[1].hex() + "\n", 2)):
        monkeypatch.setattr("sys.stdin", StringIO(text))
        assert main([*given, "--key", "-"]) == ends
    assert os.path.getsize(one.out)
