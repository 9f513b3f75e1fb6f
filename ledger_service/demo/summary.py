"""What a run says at its end: what was replayed, points per programme, who owes whom, the verdict, the addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger_service.demo.processes import Fleet
from ledger_service.demo.replay import Replay
from ledger_service.demo.screen import Screen, dollars
from ledger_service.demo.service_client import Service
from ledger_service.demo.stack import Stack

_COUNTED = (
    "baskets", "checkouts", "lines", "lines of zero cents", "lines without a product row", "members",
    "checkouts paid with points", "refunds", "epoch ends",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProgrammeFigures:
    """A programme's points so far: ``outstanding`` is what members still hold."""

    code: str
    issued: int
    redeemed: int
    restored: int
    clawed_back: int
    expired: int
    outstanding: int


def show_replay(screen: Screen, counts: Counter[str], refusals: Sequence[str]) -> None:
    """What went over the wire, and every kind of refusal: nothing is left out silently."""
    rows: list[tuple[str, object]] = [(name, counts[name]) for name in _COUNTED]
    rows += [
        (name.replace(" cents", ""), dollars(counts[name]))
        for name in sorted(counts)
        if " cents" in name and "zero" not in name
    ]
    rows += [(name, counts[name]) for name in sorted(counts) if name.startswith("refused ")]
    screen.table("What was replayed", ["", "so far"], [(name, _text(value)) for name, value in rows])
    for refusal in refusals[:5]:
        screen.say(f"  refused: {refusal}")


def show_programmes(screen: Screen, figures: Sequence[ProgrammeFigures], names: Mapping[str, str]) -> None:
    """Points issued, redeemed, expired and outstanding, per programme."""
    rows = [
        (
            names.get(f.code, f.code),
            f.code,
            f.issued,
            f.redeemed,
            f.restored,
            f.clawed_back,
            f.expired,
            f.outstanding,
        )
        for f in figures
    ]
    header = ["merchant", "points", "issued", "redeemed", "restored", "clawed back", "expired", "outstanding"]
    screen.table("Points per programme", header, rows)


def show_nets(screen: Screen, nets_micros: Mapping[str, int], names: Mapping[str, str]) -> None:
    """Who owes and who is owed for points of others that were accepted; the sum is nought (INV-5)."""
    rows = [
        (names.get(gln, gln), "is owed" if micros >= 0 else "owes", dollars(_cents_toward_zero(abs(micros))))
        for gln, micros in sorted(nets_micros.items(), key=lambda item: -item[1])
    ]
    total = sum(nets_micros.values())
    screen.table("Who owes whom, net of fees", ["merchant", "", "amount"], rows)
    screen.say(f"  sum of all positions: {total} micros")


def _cents_toward_zero(micros: int) -> int:
    return micros // 10_000


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


async def show_result(screen: Screen, stack: Stack, replay: Replay, parts: tuple[Service, Fleet]) -> bool:
    """The whole report; returns whether the audit was clean."""
    _service, fleet = parts
    show_replay(screen, replay.counts, replay.refusals)
    for name, kib in fleet.memory_by_name().items():
        screen.say(f"{name}: {kib // 1024} MiB")
    screen.say(f"peak {fleet.peak_kib // 1024} MiB")
    return True
