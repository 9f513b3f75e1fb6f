"""Who brought whom, proven by a stranger with a chain and a file: committed in the log before the sale."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger_service.cli import verify
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import Issue
from ledger_service.referrals.links.binding import append, commitments_after
from ledger_service.referrals.links.rules import commitment_of, party_of
from ledger_service.referrals.links.telling import KIND, tell_commitments
from ledger_service.referrals.rewards.proving import CODES, Standing
from ledger_service.traceability.log.words import logged
from tests.chain.items import Tracing
from tests.chain.networks import Network
from tests.chain.test_bridge import drain
from tests.chain.world import World, member, wall

SALE, LATE_SALE, SALT, MEMBER_SALT = b"s" * 16, b"t" * 16, b"\x01" * 32, b"\x02" * 32
SHARER, BUYER = member(1), member(2)
ALTERED, UNTOLD, MISSING, LATER = 1, 2, 3, 4


class Scene:
    """Two commitments: one in the log before its sale, one whose checkpoint came after it."""

    def __init__(self, tracing: Tracing, folder: Path) -> None:
        self.tracing, self.folder = tracing, folder
        self.body: dict[str, Any] = {
            "campaign": "SPRING", "version": 1, "member": party_of(MEMBER_SALT, BUYER.account),
            "sharer": party_of(b"\x03" * 32, SHARER.account),
        }  # fmt: skip

    def commit(self, salt: bytes) -> bytes:
        commitment = commitment_of(salt, self.body)
        with self.tracing.world.database.begin() as conn:
            append(conn, commitment, wall())
        return commitment

    def log(self) -> None:
        with self.tracing.world.database.begin() as conn:
            tell_commitments(conn)
        self.tracing.checkpoint()
        self.tracing.settle()

    def pay(self, sale: bytes, commitment: bytes) -> datetime:
        """The sale's own points and the sharer's reach the chain; returns when the sale was."""
        world = self.tracing.world
        # By the chain's own time, which runs ahead of the wall's where blocks are many.
        (head,) = world.node.blocks([world.node.head_number()])
        assert head is not None
        sold_at = head.timestamp
        ids = derive_id("issue", sale, 1), derive_id("share reward", commitment, sale, "sharer")
        issues = (replace(world.issue(who, 1, 100), op_id=one, accepted_at=sold_at)
                  for who, one in zip((BUYER, SHARER), ids, strict=True))  # fmt: skip
        given: list[Issue] = list(issues)
        world.enqueue(*given)
        drain(world.bridge(), world.database)
        return self.sold_at(sold_at)

    @staticmethod
    def sold_at(second: int) -> datetime:
        return datetime.fromtimestamp(second, UTC)

    def evidence(self, number: int, sale: bytes, salt: bytes, sold_at: datetime) -> dict[str, Any]:
        with self.tracing.world.database.read() as conn:
            link, told = commitments_after(conn, number - 1, 1)[0], logged(conn, KIND, number)
        assert told is not None and told.checkpoint is not None
        seen = told.checkpoint
        reward = derive_id("share reward", link.commitment, sale, "sharer")
        return {
            "sale": sale.hex(), "campaign": "SPRING", "sold_at": format_instant(sold_at), "body": self.body,
            "commitment": {"number": number, "hash": link.commitment.hex(), "chain": link.hash.hex(),
                           "at": format_instant(link.committed_at)},
            "salt": salt.hex(), "own_salt": MEMBER_SALT.hex(),
            "rewards": [{"reward": reward.hex(), "role": "sharer", "pays": "points", "points": 100,
                         "state": "granted"}],
            "log": {"leaf": told.leaf, "body": told.body.decode(), "proof": [one.hex() for one in told.proof],
                    "checkpoint": {"size": seen.size, "root": seen.root.hex()}},
        }  # fmt: skip

    def verify(self, document: object, *more: str) -> int:
        world = self.tracing.world
        assert world.deployment is not None
        path = self.folder / "evidence.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        at = world.deployment
        return verify.main([
            "share", str(path), "--rpc", self.tracing.network.url, "--json",
            "--log", "0x" + at.transparency_log.hex(),
            "--clearing-house", "0x" + at.contracts.clearing_house.hex(), *more,
        ])  # fmt: skip


Three = tuple[Scene, dict[str, Any], dict[str, Any]]


@pytest.fixture
def scene(world: World, network: Network, tmp_path: Path) -> Three:
    """The scene, the evidence of the sale that came after its checkpoint, and of the one before its own."""
    made = Scene(Tracing(world, network, tmp_path), tmp_path)
    # A block of now: the log takes no checkpoint that is far ahead of the chain's time.
    world.enqueue(world.issue(BUYER, 1, 1))
    drain(world.bridge(), world.database)
    first = made.commit(SALT)
    made.log()
    good = made.evidence(1, SALE, SALT, made.pay(SALE, first))
    second = made.commit(b"\x09" * 32)
    sold_at = made.pay(LATE_SALE, second)
    made.log()
    return made, good, made.evidence(2, LATE_SALE, b"\x09" * 32, sold_at)


def codes(out: str) -> list[str]:
    return [one["code"] for one in json.loads(out)["findings"]]


def _with(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        inner: Any = document
        for name in outer:
            inner = inner[int(name) if name.isdigit() else name]
        inner[last] = value

    return change


HOSTILE = [
    ("commitment-differs", _with("body.sharer", "00" * 32), ALTERED),
    ("commitment-differs", _with("salt", "00" * 32), ALTERED),
    ("leaf-differs", _with("commitment.number", 7), ALTERED),
    ("leaf-differs", _with("log.body", "{}"), ALTERED),
    ("leaf-not-in-log", _with("log.leaf", 1), ALTERED),
    ("log-forked", _with("log.checkpoint.root", "00" * 32), ALTERED),
    ("reward-differs", _with("rewards", []), ALTERED),
    ("reward-differs", _with("rewards.0.points", 99), ALTERED),
    ("reward-differs", _with("rewards.0.role", "second"), ALTERED),
    ("checkpoint-missing", _with("log.checkpoint.size", 99), MISSING),
    ("log-missing", _with("log", None), MISSING),
    ("log-missing", _with("log.checkpoint", None), MISSING),
    ("sale-unissued", _with("sale", "00" * 16), ALTERED),
    ("reward-unissued", lambda document: document["rewards"].append(
        {"reward": derive_id("share reward", bytes.fromhex(document["commitment"]["hash"]), SALE, "second")
         .hex(), "role": "second", "pays": "points", "points": 5, "state": "granted"}), MISSING),
    ("evidence-unreadable", _with("sold_at", "yesterday"), ALTERED),
    ("evidence-unreadable", _with("commitment", None), ALTERED),
    ("evidence-unreadable", _with("salt", "00"), ALTERED),
    ("evidence-unreadable", _with("log.checkpoint.size", 1 << 70), ALTERED),
    ("evidence-unreadable", _with("body", []), ALTERED),
]  # fmt: skip


def test_a_stranger_proves_who_brought_whom(scene: Three, capsys: pytest.CaptureFixture[str]) -> None:
    made, good, late = scene
    assert made.verify(good, "--account", "0x" + BUYER.account.hex()) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["standing"], told["findings"]) == ("proven", [])
    assert [fact.partition(":")[0] for fact in told["facts"][2:]] == ["sale", "sharer"]
    assert made.verify(good, "--account", "0x" + SHARER.account.hex()) == ALTERED
    assert codes(capsys.readouterr().out) == ["party-foreign"]
    assert made.verify(late) == LATER
    assert set(codes(capsys.readouterr().out)) == {"committed-later"}
    # Nor does it help to say that the sale was later: the chain had it by then.
    an_hour_on = datetime.fromtimestamp(made.tracing.world.now() + 3_600, UTC)
    assert made.verify(late | {"sold_at": format_instant(an_hour_on)}) == ALTERED
    assert {"sale-differs", "committed-later"} <= set(codes(capsys.readouterr().out))
    # Nor to put the earlier commitment under the later sale: its reward has another id.
    other = good | {"sale": late["sale"], "sold_at": late["sold_at"], "rewards": late["rewards"]}
    assert made.verify(other) == ALTERED
    assert "reward-differs" in codes(capsys.readouterr().out)
    # Without a chain, and for who is no account, nothing can be told.
    assert made.verify(good, "--rpc", "http://127.0.0.1:1") == UNTOLD
    assert made.verify(good, "--account", "me") == UNTOLD
    assert "alliance verify" in capsys.readouterr().err


def test_whatever_is_altered_or_missing_is_told(scene: Three, capsys: pytest.CaptureFixture[str]) -> None:
    made, good, _ = scene
    for code, spoil, exit_code in HOSTILE:
        document = deepcopy(good)
        spoil(document)
        assert made.verify(document) == exit_code, code
        assert code in codes(capsys.readouterr().out)


# Told with a desk of campaigns: test_campaign_proofs.py, and tests/unit/referrals/test_promise_proving.py.
BY_THE_DESK = {
    "desk-differs", "campaign-differs", "promise-differs", "promise-too-deep", "promise-beyond-budget",
    "reward-unpromised",
}  # fmt: skip


def test_every_code_is_told_by_some_file() -> None:
    told = {code for code, _, _ in HOSTILE} | {"party-foreign", "sale-differs", "committed-later"}
    assert told | BY_THE_DESK == CODES.keys()
    assert set(CODES.values()) | {Standing.PROVEN} == set(Standing)
