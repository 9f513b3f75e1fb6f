"""The liability report of one programme as of a day: all that is told of it, as figures and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ledger_service.kernel.clock import instant_of_seconds
from ledger_service.settlement.liability.breakage import Estimate, Prediction, estimates, predictions
from ledger_service.settlement.liability.calendar import BEFORE, Calendar
from ledger_service.settlement.liability.cohorts import Cohort, Layer, cohorts_of, layers_of
from ledger_service.settlement.liability.flows import Flow, Way, outstanding
from ledger_service.settlement.liability.revenue import Month, Sales, roll

# Ages in months up to which the buckets reach; the last one has no end.
_BUCKETS = ((0, "0"), (2, "1-2"), (5, "3-5"), (11, "6-11"), (23, "12-23"))
_OLDEST_BUCKET, _UNKNOWN_AGE = "24-", "before"


@dataclass(frozen=True, slots=True)
class Tie:
    """The same points in three books, now, and how many operations the chain has yet to see."""

    entries: int
    lots: int
    chain: int
    waiting: int

    @property
    def holds(self) -> bool:
        """Entries are lots, and the chain says the same, unless operations are on their way."""
        return self.entries == self.lots and (self.lots == self.chain or self.waiting > 0)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose report it is: code and currency, the ends of its epochs (``never`` is none), and its calendar."""

    programme: str
    currency: str
    epoch_ends: Sequence[int]
    never: int
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Report:
    """Points and minor units of a programme as of a day; months are numbers of the subject's calendar."""

    subject: Subject
    outstanding: int
    tie: Tie
    layers: list[Layer]
    cohorts: list[Cohort]
    estimates: dict[int, Estimate]
    predictions: list[Prediction]
    revenue: list[Month]

    @property
    def as_of(self) -> date:
        """The day at whose end all of it stood so."""
        return self.subject.calendar.as_of

    def by_age(self) -> dict[str, int]:
        """What is outstanding, by months since it was issued; "before" where an archive has the month."""
        last, found = self.subject.calendar.last, Counter[str]()
        for layer in self.layers:
            found[_bucket(last - layer.month) if layer.month != BEFORE else _UNKNOWN_AGE] += layer.left(last)
        order = [name for _, name in _BUCKETS] + [_OLDEST_BUCKET, _UNKNOWN_AGE]
        return {name: found[name] for name in order if name in found}

    def by_end(self) -> dict[str, int]:
        """What is outstanding, by the month in which it can be spent for the last time, or "never"."""
        last, found = self.subject.calendar.last, Counter[str]()
        for layer in self.layers:
            found[self._end_of(layer.epoch)] += layer.left(last)
        return {end: found[end] for end in sorted(found) if found[end]}

    def expired(self) -> dict[str, int]:
        """What expired in each month."""
        found: Counter[int] = Counter()
        for layer in self.layers:
            for (way, month), points in layer.gone.items():
                if way is Way.EXPIRED and month <= self.subject.calendar.last:
                    found[month] += points
        return {self.subject.calendar.label(month): found[month] for month in sorted(found)}

    def curve(self, cohort: Cohort) -> list[int]:
        """What had been redeemed of a cohort at each age, cumulative, up to the report's last month."""
        last, total, found = self.subject.calendar.last, 0, []
        for age in range(last - cohort.month + 1):
            total += cohort.redeemed_at(age)
            found.append(total)
        return found

    def _end_of(self, epoch: int) -> str:
        ends = self.subject.epoch_ends
        if not 1 <= epoch <= len(ends) or ends[epoch - 1] >= self.subject.never:
            return "never"
        local: datetime = instant_of_seconds(ends[epoch - 1] - 1).astimezone(self.subject.calendar.zone)
        return f"{local:%Y-%m}"


def report_of(subject: Subject, flows: Sequence[Flow], tie: Tie, sales: Sales) -> Report:
    """Everything that follows from a programme's flows and sales.

    Estimates and revenue go up to the last month that is over: half a month would look like a month in which
    people stopped redeeming.
    """
    calendar = subject.calendar
    layers = _layers(flows, calendar)
    cohorts = cohorts_of(layers)
    return Report(
        subject, outstanding(flows, calendar.last), tie, layers, cohorts,
        estimates(cohorts, calendar.last_whole), predictions(cohorts, calendar.last_whole),
        roll(cohorts, sales, calendar.last_whole),
    )  # fmt: skip


def cohorts_until(flows: Sequence[Flow], calendar: Calendar) -> list[Cohort]:
    """The cohorts of a programme as its report has them."""
    return cohorts_of(_layers(flows, calendar))


def _layers(flows: Sequence[Flow], calendar: Calendar) -> list[Layer]:
    return layers_of(flow for flow in flows if flow.month <= calendar.last)


def issuer_document(reports: Sequence[Report]) -> dict[str, Any]:
    """The reports of an issuer's programmes as of one day, and their sums.

    Each row of the summed revenue ties, as its parts do.
    """
    sums: dict[tuple[str, str], Counter[str]] = {}
    for report in reports:
        for month in report.revenue:
            figures = {name: value for name, value in month._asdict().items() if name != "month"}
            key = report.subject.currency, report.subject.calendar.label(month.month)
            sums.setdefault(key, Counter()).update(figures)
    return {
        "outstanding": sum(report.outstanding for report in reports),
        "holds": all(report.tie.holds for report in reports),
        "revenue": [
            {"currency": currency, "month": month, **sums[currency, month]}
            for currency, month in sorted(sums)
        ],
        "programmes": [document_of(report) for report in reports],
    }


def document_of(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    calendar, tie = report.subject.calendar, report.tie
    return {
        "programme": report.subject.programme,
        "currency": report.subject.currency,
        "as_of": report.as_of.isoformat(),
        "estimated_until": calendar.label(calendar.last_whole),
        "outstanding": report.outstanding,
        "tie": {"entries": tie.entries, "lots": tie.lots, "chain": tie.chain, "waiting": tie.waiting,
                "holds": tie.holds},
        "by_age_months": report.by_age(),
        "by_end": report.by_end(),
        "expired": report.expired(),
        "cohorts": [_cohort(report, cohort) for cohort in report.cohorts],
        "backtest": [
            {"month": calendar.label(p.month), "predicted": p.predicted, "actual": p.actual}
            for p in report.predictions
        ],
        "revenue": [{**m._asdict(), "month": calendar.label(m.month)} for m in report.revenue],
    }  # fmt: skip


def _cohort(report: Report, cohort: Cohort) -> dict[str, Any]:
    last = report.subject.calendar.last
    told = {
        "issued_in": report.subject.calendar.label(cohort.month),
        "issued": cohort.issued,
        "reversed": cohort.issued - cohort.kept(last),
        "redeemed_by_age": report.curve(cohort),
        "expired": cohort.gone(Way.EXPIRED, last),
        "outstanding": cohort.left(last),
    }
    estimate = report.estimates.get(cohort.month)
    if estimate is not None:
        low, high = estimate.ultimate_range
        told |= {
            "ever_redeemed": estimate.ultimate, "ever_redeemed_low": low, "ever_redeemed_high": high,
            "breakage": estimate.breakage, "standard_error": estimate.error,
        }  # fmt: skip
    return told


def _bucket(age: int) -> str:
    return next((name for most, name in _BUCKETS if age <= most), _OLDEST_BUCKET)
