"""A batch with prizes on a test's chain: committed, drawn by the bridge's job, claimed, and verified."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import insert

from ledger_service.bootstrap.prize_drawing import PrizeDrawer
from ledger_service.cli import verify
from ledger_service.traceability.goods.service import INDEX_BITS, Goods, NewBatch
from ledger_service.traceability.prizes.models import trace_prize
from ledger_service.traceability.prizes.queries import OPENED_AFTER, find_pool
from ledger_service.traceability.prizes.rules import Prize, PrizeCoupon
from ledger_service.traceability.prizes.service import NewPool, add_pool
from ledger_service.traceability.proofs.pool_bundle import PoolBundle
from ledger_service.traceability.proofs.pool_service import PoolProver
from tests.chain.items import GTIN, MASTER, Tracing, Wallclock
from tests.chain.world import MERCHANTS, wall

ENDS = timedelta(hours=1)
COUPON = PrizeCoupon("9520000000019", "TENOFF", 4, b"\xcc" * 32)


class OtherSeeds:
    def random_bytes(self, count: int) -> bytes:
        return b"\x08" * count


@dataclass
class Lottery:
    """A batch of which ``number`` says which, five items with four prizes, one of them a coupon, its root in
    the outbox."""

    tracing: Tracing
    number: int = 0

    def __post_init__(self) -> None:
        tracing, at = self.tracing, wall()
        with tracing.world.database.begin() as conn:
            goods = Goods(MASTER, OtherSeeds())
            self.number = goods.open_batch(conn, NewBatch(GTIN, MERCHANTS[0], "P1", 5), at)
            prizes = (Prize("one", 1, 100), Prize("two", 2, 5), Prize("three", 1, 0, COUPON))
            add_pool(conn, self.number, NewPool("GROC", 1, prizes, at + ENDS), at)
            goods.make_items(conn, self.number)
        while tracing.step(self.number):
            pass

    def draw(self) -> None:
        """As the bridge does it."""
        place = self.tracing.place
        world = self.tracing.world
        drawer = PrizeDrawer(world.database, world.node, place.item_registry, place.transparency_log,
                             world.settings.confirmations, Wallclock())  # fmt: skip
        assert not drawer.run()

    @property
    def is_drawn(self) -> bool:
        with self.tracing.world.database.read() as conn:
            found = find_pool(conn, self.number)
        return found is not None and found.beacon is not None

    def bundle(self, *, over: bool = False) -> PoolBundle:
        with self.tracing.world.database.snapshot() as conn:
            at = wall() + (ENDS + OPENED_AFTER if over else timedelta())
            return PoolProver(self.tracing.commitments, self.tracing.place).bundle(conn, self.number, at)

    def settled(self, index: int, prize: int) -> None:
        """The item was claimed in time, and the job has settled what it drew."""
        row = {"item_id": self.number << INDEX_BITS | index, "batch_no": self.number, "until": wall(),
               "state": "given" if prize else "none", "prize": prize,
               "points": (None, 100, 5, 0)[prize]}  # fmt: skip
        with self.tracing.world.database.begin() as conn:
            conn.execute(insert(trace_prize).values(row))

    def verify(self, document: Any, *more: str) -> int:
        """The exit code of `alliance verify prizes` for a bundle in a file."""
        path = self.tracing.folder / "prizes.json"
        path.write_bytes(orjson.dumps(document))
        pins = ("--items", f"0x{self.tracing.place.item_registry.hex()}")
        url = self.tracing.network.url
        return verify.main(["prizes", "--rpc", url, "--bundle", str(path), *pins, *more])


def judge_items(lottery: Lottery, capsys: pytest.CaptureFixture[str]) -> None:
    """Two claimed items, before and after their prizes are settled, and what is made up of their bundles."""
    won = {one.index: one.prize for one in lottery.bundle(over=True).winners or ()}
    for index in (0, 1):
        serial = lottery.tracing.serial(lottery.number, index)
        assert lottery.tracing.verify(serial, lottery.tracing.bundle(serial).document()) == 0
        assert "what this one drew shows when its claim is settled" in capsys.readouterr().out
        lottery.settled(index, won.get(index, 0))
        document = lottery.tracing.bundle(serial).document()
        assert lottery.tracing.verify(serial, document) == 0
        name = ("no prize", "one (100 points): given", "two (5 points): given",
                "three (a coupon TENOFF of 9520000000019, version 4): given")[won.get(index, 0)]  # fmt: skip
        assert f"this one drew {name}" in capsys.readouterr().out
        spoilt = spoil(document, ("prize", "slot", "prize"), 4)
        assert lottery.tracing.verify(serial, spoilt, "--json") == 1
        assert "prize-slot-differs" in codes_in(capsys.readouterr().out)
        spoilt = spoil(document, ("prize", "block", "number"), document["prize"]["block"]["number"] - 1)
        assert lottery.tracing.verify(serial, spoilt) == 1
        assert lottery.tracing.verify(serial, spoil(document, ("prize", "pool"), "{}")) == 1


def judge_whole_draw(lottery: Lottery, capsys: pytest.CaptureFixture[str]) -> None:
    """The opened draw, and every lie about it."""
    document = lottery.bundle(over=True).document()
    capsys.readouterr()
    assert lottery.verify(document) == 0
    out = capsys.readouterr().out
    assert "one, 100 points: 1 (" in out
    assert "three, a coupon TENOFF of 9520000000019, version 4: 1 (" in out
    claimed = [place for place, one in enumerate(document["winners"]) if one["state"] == "given"]
    issued = [place for place in claimed if document["winners"][place]["points"]]
    # No ledger has issued anything here: asked for the chain's word, what was given lacks its points.
    house = f"0x{lottery.tracing.world.keys.domain.clearing_house.hex()}"
    assert lottery.verify(document, "--clearing-house", house, "--json") == (3 if issued else 0)
    told = codes_in(capsys.readouterr().out)
    assert told == ["prize-unissued"] * len(issued)
    never = [place for place, one in enumerate(document["winners"]) if one["state"] == "unclaimed"]
    lies = [
        ("prize-slots-differ", ("secret",), "0x" + "11" * 32),
        ("prize-winners-differ", ("winners", 0, "prize"), document["winners"][0]["prize"] % 3 + 1),
        ("prize-pool-differs", ("pool",), document["pool"].replace('"TENOFF"', '"ONEOFF"')),
        ("prize-pool-differs", ("pool",), document["pool"].replace("cc" * 32, "cd" * 32)),
        ("prize-pool-differs", ("pool",), document["pool"].replace('"points":5', '"points":6')),
        ("prize-block-differs", ("block", "hash"), "0x" + "11" * 32),
        *[("prize-withheld", ("winners", place, "state"), "unclaimed") for place in claimed],
        *[("prize-withheld", ("winners", place, "state"), "given") for place in never],
    ]  # fmt: skip
    for code, path, value in lies:
        assert lottery.verify(spoil(document, path, value), "--json") == 1
        assert codes_in(capsys.readouterr().out) == [code]


def spoil(document: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The document with another value at a place."""
    spoilt: Any = json.loads(json.dumps(document))
    inner = spoilt
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return dict(spoilt)


def codes_in(out: str) -> list[str]:
    return [finding["code"] for finding in json.loads(out)["findings"]]
