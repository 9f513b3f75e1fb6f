"""Figures of a benchmark: what a measurement gives, and the table that stands in docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger_service.demo.bench_stage import SETUPS
from ledger_service.demo.load import LoadResult
from ledger_service.demo.screen import table_text

PERCENTILES = (50, 95, 99)


@dataclass
class Figures:
    """One setup's rows by label, its notes, and what went wrong; a measurement with failures is none."""

    name: str
    rows: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add_load(self, label: str, result: LoadResult) -> None:
        """Rate and percentiles of a load; ``label`` names one request, as in ``sale``."""
        others = sum(result.statuses.values()) - result.good
        self.rows[f"{label}s answered"] = f"{result.good:,}" + (f", {others:,} refused" if others else "")
        self.rows[f"{label}s/s"] = f"{result.per_second:,}"
        for percent in PERCENTILES:
            self.rows[f"{label} p{percent} ms"] = millis(result.percentile_micros(percent))
        self.failures += result.failures

    def add_work(self, label: str, result: LoadResult, cpu_millis: dict[str, int]) -> None:
        """Processor time of each process per request, as a note."""
        work = ", ".join(
            f"{name} {spent * 1000 // max(result.good, 1)}" for name, spent in cpu_millis.items()
        )
        self.notes.append(f"{self.name}: CPU µs per {label}: {work}")


def report(title: str, measured: Sequence[Figures]) -> str:
    """The table, one column a setup, and what is to be said below it."""
    header = ["", *(" + ".join(SETUPS[m.name]) for m in measured)]
    rows = [[label, *(m.rows.get(label, "") for m in measured)] for label in measured[0].rows]
    notes = [f"  {note}" for m in measured for note in m.notes]
    failures = [f"  {m.name}: FAILED {text}" for m in measured for text in m.failures[:5]]
    return "\n".join([table_text(title, header, rows), *notes, *failures])


def millis(micros: int) -> str:
    """Microseconds as milliseconds, or thousandths as units, with one place."""
    return f"{micros // 1000}.{micros % 1000 // 100}"


def hundredths(part: int, whole: int) -> str:
    """A ratio with two places."""
    ratio = part * 100 // max(whole, 1)
    return f"{ratio // 100}.{ratio % 100:02d}"
