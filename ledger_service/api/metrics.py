"""Prometheus metrics of one process; what others know (chain lag, queue depth) is read when scraped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LATENCY = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 5.0)
_SYNC_NANOS = 500_000_000
Figures = Callable[[], Mapping[str, int]]
# A reading is one figure, or a figure for each value of the reading's label.
Readings = Callable[[], Mapping[str, int | Mapping[str, int]]]

# What `readings` may hold, and what each means.
GAUGES = {
    "writer_queue_depth": "Commands that wait for the writer thread of this process",
    "outbox_queue_depth": "Operations accepted by the checkout that no batch holds yet",
    "outbox_set_aside": "Operations that the contract refuses, waiting for the operator",
    "chain_lag_operations": "Operations accepted by the checkout that are not final on the chain",
    "chain_lag_seconds": "Age of the oldest operation that is not final on the chain",
    "chain_last_batch": "Number of the last batch that the indexer has seen",
    "ledger_sequence": "Sequence number of the newest ledger entry",
    "bridge_absent_seconds": "Seconds since the lease of the last leading bridge ended; 0 while one leads",
    "chain_alarms": "Alarms that stand, by code; docs/runbooks.md says what each means",
    "signer_reachable": "1 when the signing process takes connections",
    "audit_age_seconds": "Seconds since the last audit that noted its verdict in this state folder",
    "audit_findings": "Differences that this audit found, or 1 where the chain never held still for it",
    "reserves_short": "Merchants whose reserve covers less of their points than it must",
    "reserve_figure_seconds": "Seconds until the first figure of a required reserve counts as zero",
    "coupon_codes_locked": "Tills and members that are locked for having typed too many wrong coupon codes",
    "state_free_bytes": "Free bytes of the disk under the state folder",
    "sqlite_log_pages": "Pages of SQLite's log (-wal) that stand in its present run; none on PostgreSQL",
}
# Readings that hold a figure for each value of a label, and that label.
LABELLED = {"chain_alarms": "code"}

# What a process counts. Commands per commit is the writer's group size, statements per command what a request
# costs; copies of SQLite's log stay at zero on PostgreSQL.
WORK = {
    "writer_commands": "Commands that the writer has answered",
    "writer_commits": "Commits of the writer, each of a group of commands",
    "writer_statements": "SQL statements on writing connections",
    "sqlite_log_copies": "Copies of SQLite's log into the database file, beside the writer",
    "sqlite_log_begun_anew": "Times that SQLite's log was begun anew, so that it stays short",
    "sqlite_log_failures": "Copies of SQLite's log that failed and are tried again with the next commit",
}


class Metrics:
    """Counts requests and the writer's work; ``exposition`` is what GET /metrics answers."""

    def __init__(self, readings: Readings, work: Figures, *, several_processes: bool = False) -> None:
        """Open nothing yet.

        Args:
            readings: the gauges, by the names in ``GAUGES``.
            work: what this process has done since it started, by the names in ``WORK``.
            several_processes: whether the counters of all worker processes are summed.
        """
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types here
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "alliance_http_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "alliance_http_request_seconds", "Seconds from the first byte read to the answer", ("route",),
            buckets=_LATENCY, registry=self._registry,
        )  # fmt: skip
        self._work = work
        self._done = dict.fromkeys(WORK, 0)
        self._synced_at = 0
        self._lock = threading.Lock()
        self._totals = {
            name: Counter(f"alliance_{name}", about, registry=self._registry) for name, about in WORK.items()
        }
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._shown = CollectorRegistry() if several_processes else self._registry
        if several_processes:
            MultiProcessCollector(self._shown)  # type: ignore[no-untyped-call]  # the library has no types here
        self._shown.register(_Readings(readings))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; ``route`` is its declared path, never the path that came."""
        children = self._children.get((method, route, status))
        if children is None:
            children = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._children[method, route, status] = children
        children[0].inc()
        children[1].observe(seconds)
        if time.monotonic_ns() - self._synced_at > _SYNC_NANOS:
            self._sync()

    def exposition(self) -> bytes:
        """The text format of everything."""
        self._sync()
        return generate_latest(self._shown)

    def _sync(self) -> None:
        # Both threads count without locks; here its figures become counters that all processes share.
        with self._lock:
            self._synced_at = time.monotonic_ns()
            for name, total in self._work().items():
                self._totals[name].inc(total - self._done[name])
                self._done[name] = total


class _Readings(Collector):
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        values = self._readings()
        for name, about in GAUGES.items():
            value = values.get(name)
            if isinstance(value, Mapping):
                family = GaugeMetricFamily(f"alliance_{name}", about, labels=[LABELLED[name]])
                for label, figure in value.items():
                    family.add_metric([label], figure)
                yield family
            elif value is not None:
                yield GaugeMetricFamily(f"alliance_{name}", about, value=value)
