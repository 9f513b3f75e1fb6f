"""An item from its batch's root to an auditor with a chain and a file: genuine, altered, missing or void."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from ledger_service.bootstrap import event_log
from ledger_service.chain.beside.audit import check_beside
from ledger_service.chain.beside.targets import items_at
from ledger_service.chain.bridge import lag_of
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.log_office import Published
from ledger_service.chain.settings import ChainSettings
from ledger_service.cli import verify
from ledger_service.db.engine import open_database
from ledger_service.db.schema import create_everything
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.history_tree import hash_leaf
from ledger_service.kernel.item_operations import AnchorItems, ItemKind
from ledger_service.kernel.secp256k1 import keccak256
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.traceability.log.models import log_checkpoint, log_tile
from ledger_service.traceability.log.queries import last_checkpoint
from ledger_service.traceability.log.rules import split
from ledger_service.traceability.proofs.bundle import read_bundle
from ledger_service.traceability.proofs.commitments import require_anchored
from ledger_service.traceability.proofs.rules import CODES
from tests.chain.claim_points import hold_points_against_the_chain
from tests.chain.hostile_bundles import ALTERED, HOSTILE, MISSING, PLACE
from tests.chain.items import ACCOUNT, GTIN, Tracing, life_of
from tests.chain.lottery import Lottery, judge_items, judge_whole_draw
from tests.chain.networks import OwnChain
from tests.chain.world import MERCHANTS, World

UNTOLD, VOID = 2, 4


@pytest.fixture(scope="module")
def tracing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracing]:
    """2,100 items on the project's own chain: three are sold, of which one was claimed and one is void."""
    folder = tmp_path_factory.mktemp("items")
    chain = OwnChain(store=folder / "chain.db")
    database = open_database(f"sqlite:///{folder / 'alliance.db'}")
    create_everything(database)
    chain.start()
    settings = ChainSettings(
        most_operations=40, linger_seconds=0.0, resend_after_seconds=0.3, lease_seconds=30,
        fee_floor_wei=2_000_000_000,
    )  # fmt: skip
    world = World(database, chain.node(), settings)
    world.found()
    made = Tracing(world, chain, folder)
    number = made.batch("L1", 2_100)
    for minute, index in enumerate((3, 2_099, 4), start=1):
        made.tell(*life_of(made.serial(number, index), "L1", 10 * minute))
        made.checkpoint()
        made.settle()
    made.enqueue(made.claim(number, 3), made.void(number, 4))
    made.settle()
    yield made
    chain.close()
    database.close()


@pytest.fixture(scope="module")
def sold(tracing: Tracing) -> str:
    return tracing.serial(1, 3)


@pytest.fixture
def document(tracing: Tracing, sold: str) -> dict[str, Any]:
    """The bundle of the sold and claimed item, to be spoilt."""
    return json.loads(json.dumps(tracing.bundle(sold).document()))


def codes(out: str) -> list[str]:
    return [finding["code"] for finding in json.loads(out)["findings"]]


def test_an_auditor_proves_an_items_whole_way_and_its_claim(
    tracing: Tracing, sold: str, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tracing.verify(sold, document) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"genuine: {GTIN} {sold}"
    assert out[1] == f"item 3 of 2,100, anchored by {MERCHANTS[0]} for lot L1"
    now = tracing.office.latest().size
    assert out[2] == f"5 events in the checkpoint of 5; the log has {now} by now"
    assert out[3] == f"claimed once, by account 0x{ACCOUNT.hex()}"
    last = tracing.serial(1, 2_099)
    assert tracing.verify(last, tracing.bundle(last).document(), "--json") == 0
    assert '"facts": ["item 2099 of 2,100' in capsys.readouterr().out


def test_a_bundle_comes_back_from_its_json(tracing: Tracing, sold: str) -> None:
    bundle = tracing.bundle(sold)
    assert read_bundle(json.dumps(bundle.document()).encode()) == bundle


def test_a_returned_item_is_void_and_no_longer_genuine(tracing: Tracing) -> None:
    serial = tracing.serial(1, 4)
    assert tracing.verify(serial, tracing.bundle(serial).document()) == VOID


def test_the_points_of_a_claim_are_held_against_the_chains_own_events(
    tracing: Tracing, sold: str, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    hold_points_against_the_chain(tracing, (sold, document), capsys)


def test_without_a_bundle_the_chain_tells_which_batches_there_are(
    tracing: Tracing, capsys: pytest.CaptureFixture[str]
) -> None:
    rpc = ("--rpc", tracing.network.url)
    assert verify.main(["item", f"{GTIN}/0123456789AB", *rpc]) == MISSING
    assert f"lot L1: 2,100 items anchored by {MERCHANTS[0]}" in capsys.readouterr().out
    assert verify.main(["item", "09506000134369/0123456789AB", "--json", *rpc]) == MISSING
    assert codes(capsys.readouterr().out) == ["no-bundle", "batch-missing"]
    for odd in ("09506000134353/0123456789AB", "https://example.com/01/09506000134352", "x", f"{GTIN}/U"):
        assert verify.main(["item", odd, *rpc]) == UNTOLD
    assert verify.main(["item", f"{GTIN}/0123456789AB", "--rpc", "http://127.0.0.1:1"]) == UNTOLD


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_bundle_is_told_what_is_wrong(
    tracing: Tracing,
    document: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    case: tuple[str, Callable[[dict[str, Any]], None], int],
) -> None:
    code, spoil, exit_code = case
    serial = document["item"]["serial"]
    spoil(document)
    told = tracing.verify_alone(serial, document, "--json")
    out = capsys.readouterr().out
    assert code in codes(out)
    assert told == (ALTERED if "altered" in out.split(",")[0] else exit_code)


def test_on_a_bundles_own_word_nothing_is_genuine(
    tracing: Tracing, sold: str, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    items = f"0x{tracing.place.item_registry.hex()}"
    for more in ((), ("--items", items)):
        assert tracing.verify_alone(sold, document, "--json", *more) == MISSING
        assert codes(capsys.readouterr().out) == ["contracts-unnamed"]


def test_other_contracts_than_the_asker_trusts_are_refused(
    tracing: Tracing, sold: str, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    trusted = f"0x{tracing.place.item_registry.hex()}"
    document["chain"]["item_registry"] = PLACE
    assert tracing.verify_alone(sold, document, "--items", trusted, "--json") == ALTERED
    assert codes(capsys.readouterr().out) == ["other-contracts", "contracts-unnamed"]


def test_every_code_has_a_hostile_bundle() -> None:
    elsewhere = {"no-bundle", "item-void", "other-contracts", "contracts-unnamed", "prizes-not-open",
                 "claim-unissued", "claim-differs", "item-replaced"}  # fmt: skip
    prizes = {code for code in CODES if code.startswith("prize-")}
    assert {code for code, *_ in HOSTILE} | elsewhere | prizes == set(CODES)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"null", b"{", b"\xff", b'{"format":"alliance-item-proof","version":1}']
)
def test_what_is_no_bundle_at_all_is_altered(tracing: Tracing, sold: str, raw: bytes) -> None:
    assert tracing.verify(sold, raw) == ALTERED


def test_a_root_posted_twice_is_refused_and_the_first_stands(tracing: Tracing) -> None:
    assert not tracing.step(1)
    now, gtin, lot = tracing.world.now(), int(GTIN), b"L1".ljust(32, b"\0")
    head = (keccak256(b"again")[:16], MERCHANTS[0], now)
    again = AnchorItems(*head, tracing.root(1), 2_100, gtin, lot)
    other = AnchorItems(keccak256(b"other")[:16], *head[1:], keccak256(b"a root"), 5, gtin, lot)
    twice_claimed = tracing.claim(1, 3)
    tracing.enqueue(again, other, twice_claimed)
    tracing.settle()
    told = [tracing.reason(one) for one in (again, other, twice_claimed)]
    assert told == ["ItemRootKnown()", "ItemLotAnchored()", "ItemAlreadyClaimed()"]


def test_the_audit_names_marks_that_ledger_and_contract_tell_differently(tracing: Tracing) -> None:
    database, node = tracing.world.database, tracing.world.node
    target = items_at(tracing.place.item_registry)
    assert check_beside(database, node, target) == []
    lost = beside_intent.c.kind == ItemKind.VOID
    with database.begin() as conn:
        conn.execute(update(beside_intent).where(lost).values(reason="ItemIsVoid()"))
    try:
        (found,) = check_beside(database, node, target)
    finally:
        with database.begin() as conn:
            conn.execute(update(beside_intent).where(lost).values(reason=None))
    assert found.check == "items-marksOf"
    assert found.subject == f"items 0 to 127 of batch 0x{tracing.root(1).hex()}"
    assert (found.expected, found.actual) == (hex(1 << 6), hex(1 << 6 | 2 << 8))


def test_codes_are_printed_only_of_a_batch_that_the_chain_has(tracing: Tracing) -> None:
    number = tracing.batch("L9", 5)
    with tracing.world.database.read() as conn, pytest.raises(MalformedField, match="not anchored"):
        require_anchored(conn, number)
    tracing.settle()
    with tracing.world.database.read() as conn:
        require_anchored(conn, number)
        with pytest.raises(MalformedField, match="not anchored"):
            require_anchored(conn, number + 1)


def test_a_kill_before_and_after_a_checkpoint_is_sent_relays_it_once(
    tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracing.tell(*life_of(tracing.serial(1, 5), "L1", 50))
    tracing.checkpoint()
    before = tracing.office.latest()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(event_log, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            tracing.clerk().run()
    on_chain = tracing.office.latest()
    assert on_chain.size == before.size + 5
    assert tracing.clerk().run()
    assert not tracing.clerk().run()
    with tracing.world.database.read() as conn:
        last = last_checkpoint(conn)
    assert last is not None
    assert (last.size, last.root, last.state) == (on_chain.size, on_chain.root, "relayed")


def test_a_log_that_shrank_or_forked_is_not_relayed_and_raises_an_alarm(tracing: Tracing) -> None:
    tracing.settle()
    latest, database = tracing.office.latest(), tracing.world.database
    with pytest.raises(AdminRefused, match="LogShrunk"):
        tracing.office.append(Published(1, latest.made_at, keccak256(b"less")))
    with pytest.raises(AdminRefused, match="LogForked"):
        tracing.office.append(Published(latest.size, latest.made_at, keccak256(b"other")))
    with database.read() as conn:
        tiles = conn.execute(select(log_tile)).all()
    leaves = split(bytes(tiles[0].hashes))
    leaves[0] = hash_leaf(b"another past")
    try:
        with database.begin() as conn:
            conn.execute(update(log_tile).values(hashes=b"".join(leaves)))
        tracing.tell(*life_of(tracing.serial(1, 6), "L1", 90))
        tracing.checkpoint()
        assert tracing.clerk().run()
        with database.read() as conn:
            last = last_checkpoint(conn)
        assert last is not None
        assert last.state == "refused"
        assert str(last.reason).startswith(f"LogForked({latest.size}")
        assert tracing.office.latest() == latest
        assert "log-forked" in {code for code, *_ in lag_of(database).alarms}
    finally:
        mended = split(bytes(tiles[0].hashes))
        with database.begin() as conn:
            now = split(bytes(conn.execute(select(log_tile.c.hashes)).scalar_one()))
            conn.execute(update(log_tile).values(hashes=b"".join([*mended, *now[len(mended) :]])))
            conn.execute(delete(log_checkpoint).where(log_checkpoint.c.state == "refused"))
    tracing.checkpoint()
    assert tracing.clerk().run()
    assert tracing.office.latest().size == latest.size + 5
    assert "log-forked" not in {code for code, *_ in lag_of(database).alarms}


def test_a_prize_draw_is_proven_from_its_commitment_to_its_last_winner(
    tracing: Tracing, capsys: pytest.CaptureFixture[str]
) -> None:
    lottery = Lottery(tracing)
    tracing.settle()
    assert lottery.verify(lottery.bundle().document()) == 3
    # The claims' own blocks come behind the root's: the first of them draws.
    tracing.enqueue(tracing.claim(lottery.number, 0), tracing.claim(lottery.number, 1))
    tracing.settle()
    lottery.draw()
    assert lottery.is_drawn
    assert lottery.verify(lottery.bundle().document(), "--json") == 3
    assert codes(capsys.readouterr().out.splitlines()[-1]) == ["prizes-not-open"]
    judge_items(lottery, capsys)
    judge_whole_draw(lottery, capsys)
