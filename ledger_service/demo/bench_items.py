"""Items: a batch made and anchored, labels, proofs, and scans at a fixed rate among millions.

The batch is made by the product. The millions beside it are rows of a second batch, put straight into the
tables; nobody can claim them, and the database is thrown away.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from ledger_service.demo.bench_figures import Figures, hundredths
from ledger_service.demo.bench_import import timed
from ledger_service.demo.bench_paced import paced
from ledger_service.demo.bench_stage import PATIENCE_SECONDS, BenchOptions, Stage
from ledger_service.demo.bench_tiers import connected, numbers_sql
from ledger_service.demo.http_client import Request
from ledger_service.demo.stack import run_command
from ledger_service.demo.visits import MERCHANT_OF

GTIN, LABELS, PROOFS = "09506000134352", 10_000, 400
SCANS_A_SECOND, SCANS, _WARM = 200, 6_000, 400
_AT_ONCE = 250_000
_ASK_EVERY_SECONDS = 0.25
# An item's id in the tables is its batch's number, then its own number in so many bits.
_INDEX_BITS = 24


async def measure(stage: Stage, options: BenchOptions) -> Figures:
    """Make and anchor ``options.requests`` items, then everything else beside ``options.entries`` of them."""
    figures, items = Figures(stage.name), options.requests
    settings, folder = stage.stack.settings, Path(stage.stack.settings["ALLIANCE_STATE_DIR"])
    gln = ("--gtin", GTIN, "--merchant", MERCHANT_OF["GROC"].gln)
    names = ("--name-en", "Tea", "--name-zh-hans", "茶", "--name-zh-hant", "茶", "--brand", "Leaf")
    run_command(settings, "items", "product", *gln, *names)
    batch = run_command(settings, "items", "open", *gln, "--lot", "L1", "--size", str(items)).strip()
    begun = time.monotonic_ns()
    made = await asyncio.to_thread(timed, settings, ("items", "make", "--batch", batch))
    await _until_anchored(stage, batch)
    figures.rows["items"] = f"{items:,}"
    figures.rows["generated, hashed, stored, s"] = f"{made.seconds_tenths // 10}.{made.seconds_tenths % 10}"
    figures.rows["... and anchored, s"] = hundredths((time.monotonic_ns() - begun) // 1_000_000, 1_000)
    figures.rows["CPU s of the command"] = f"{made.cpu_tenths // 10}.{made.cpu_tenths % 10}"
    figures.rows["command MiB"] = f"{made.peak_mib:,}"
    figures.rows["all processes at last, MiB"] = f"{stage.fleet.memory_kib() // 1024:,}"
    labels = (
        "items",
        "labels",
        "--batch",
        batch,
        "--count",
        str(LABELS),
        "--out",
        str(folder / "labels.pdf"),
    )
    printed = await asyncio.to_thread(timed, settings, labels)
    figures.rows[f"{min(LABELS, items):,} labels as PDF, s"] = hundredths(printed.seconds_tenths, 10)
    figures.rows["labels' command MiB"] = f"{printed.peak_mib:,}"
    await _asked(stage, figures, int(batch), (items, options.entries))
    return figures


async def _asked(stage: Stage, figures: Figures, batch: int, sizes: tuple[int, int]) -> None:
    """Bundles of the batch's items, then scans of items of both batches."""
    items, wanted = sizes
    with closing(connected(_url(stage))) as connection:
        serials = _serials(connection, batch, items, PROOFS)
        proofs = [_get(stage, f"/v1/items/{GTIN}/{serial}/proof") for serial in serials]
        figures.add_load("bundle", await stage.fired(proofs, 1))
        there = _fill(connection, batch, items, wanted)
        serials = _serials(connection, batch, items, SCANS // 2)
        serials += _serials(connection, batch + 1, there - items, SCANS // 2)
    figures.rows["items at the scans"] = f"{there:,}"
    scans = [_scan(stage, serial, n) for n, serial in enumerate(serials[::2] + serials[1::2])]
    await stage.fired(scans[:_WARM], 4)  # every plan has been seen once
    address = stage.stack.host, stage.stack.port
    figures.add_load("scan", await asyncio.to_thread(paced, address, scans[_WARM:], SCANS_A_SECOND))


async def _until_anchored(stage: Stage, batch: str) -> None:
    """Nothing is printed before the chain has the batch's root, so the first label says that it has."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    request = Request("GET", f"/v1/batches/{batch}/labels?format=csv&first=0&count=1", b"", _key(stage))
    while (await stage.service.send(request)).status != 200:
        if time.monotonic() > deadline:
            raise TimeoutError(f"batch {batch} was not anchored")
        await asyncio.sleep(_ASK_EVERY_SECONDS)


def _fill(connection: Any, batch: int, items: int, wanted: int) -> int:
    """So many items in all, those beside the batch in another; returns how many there are."""
    execute, postgres = connection.execute, not hasattr(connection, "iterdump")
    copied, more = "gtin, expiry, seed, recalled_at, opened_at", max(0, wanted - items)
    execute(f"INSERT INTO trace_batch (batch_no, lot, size, made, {copied})"
            f" SELECT batch_no + 1, 'L2', {max(more, 1)}, {more}, {copied}"
            f" FROM trace_batch WHERE batch_no = {batch}")  # fmt: skip
    # As if it were anchored: the bridge would make its root under the scans.
    execute("INSERT INTO trace_root (batch_no, root, count, op_id, made_at, early_told_at)"
            f" SELECT batch_no + 1, root, {max(more, 1)}, op_id, made_at, made_at FROM trace_root"
            f" WHERE batch_no = {batch}")  # fmt: skip
    serial = "upper(substr(md5(random()::text || n), 1, 12))" if postgres else "hex(randomblob(6))"
    pin = "decode(md5(n::text), 'hex')" if postgres else "randomblob(16)"
    base = (batch + 1) << _INDEX_BITS
    for first in range(0, more, _AT_ONCE):
        rows = numbers_sql(first, min(first + _AT_ONCE, more) - 1, postgres)
        execute("INSERT INTO trace_item (item_id, gtin, serial, pin_hash, state, wrong_pins)"
                f" SELECT {base} + n, '{GTIN}', {serial}, {pin}, 'generated', 0"
                f" FROM {rows} WHERE true ON CONFLICT DO NOTHING")  # fmt: skip
    for statement in ("VACUUM ANALYZE", "CHECKPOINT") if postgres else ("ANALYZE", "PRAGMA wal_checkpoint"):
        execute(statement)
    return int(execute("SELECT COUNT(*) FROM trace_item").fetchone()[0])


def _serials(connection: Any, batch: int, size: int, wanted: int) -> list[str]:
    """Serials of a batch, spread over the whole of it."""
    base = batch << _INDEX_BITS
    ids = ", ".join(str(base + n * size // wanted) for n in range(wanted))
    found = connection.execute(f"SELECT serial FROM trace_item WHERE item_id IN ({ids}) ORDER BY serial")
    return [row[0] for row in found.fetchall()]


def _scan(stage: Stage, serial: str, number: int) -> bytes:
    code = f"https://id.gs1.org/01/{GTIN}/21/{serial}"
    body = {"code": code, "country": "DE", "device": f"phone {number:09}"}
    return Request("POST", "/v1/scans", orjson.dumps(body)).wire(stage.bench.host)


def _get(stage: Stage, path: str) -> bytes:
    return Request("GET", path, b"", _key(stage)).wire(stage.bench.host)


def _key(stage: Stage) -> dict[str, str]:
    return {"Authorization": f"Bearer {stage.stack.operator_key}"}


def _url(stage: Stage) -> str:
    return stage.database_url or f"sqlite:///{stage.stack.settings['ALLIANCE_STATE_DIR']}/alliance.db"
