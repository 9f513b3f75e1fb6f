"""Prometheus metrics of one process; what others know (chain lag, queue depth) is read when scraped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LATENCY = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 5.0)
_GROUP = (1, 2, 4, 8, 16, 32, 64)
_STATEMENTS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)

# What `readings` may hold, and what each means.
GAUGES = {
    "writer_queue_depth": "Commands that wait for the writer thread of this process",
    "outbox_queue_depth": "Operations accepted by the checkout that no batch holds yet",
    "outbox_set_aside": "Operations that the contract refuses, waiting for the operator",
    "chain_lag_operations": "Operations accepted by the checkout that are not final on the chain",
    "chain_lag_seconds": "Age of the oldest operation that is not final on the chain",
    "chain_last_batch": "Number of the last batch that the indexer has seen",
    "ledger_sequence": "Sequence number of the newest ledger entry",
}


class Metrics:
    """Counts requests and writer groups; ``exposition`` is what GET /metrics answers."""

    def __init__(self, readings: Callable[[], Mapping[str, int]], *, several_processes: bool = False) -> None:
        """Take the source of the gauges; with several processes the counters are summed over all of them."""
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
        self._group = Histogram(
            "alliance_writer_group_commands",
            "Commands that one commit held",
            buckets=_GROUP,
            registry=self._registry,
        )
        self._statements = Histogram(
            "alliance_writer_statements_per_command", "SQL statements of a commit divided by its commands",
            buckets=_STATEMENTS, registry=self._registry,
        )  # fmt: skip
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

    def commit(self, commands: int, statements: int) -> None:
        """Count one commit of the writer."""
        self._group.observe(commands)
        self._statements.observe(statements / commands if commands else 0)

    def exposition(self) -> bytes:
        """The text format of everything."""
        return generate_latest(self._shown)


class _Readings(Collector):
    def __init__(self, readings: Callable[[], Mapping[str, int]]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        values = self._readings()
        for name, about in GAUGES.items():
            if name in values:
                yield GaugeMetricFamily(f"alliance_{name}", about, value=values[name])
