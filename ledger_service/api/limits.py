"""Rate limits: one token bucket per API key in this process, and one per address that sends wrong keys."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ledger_service.api.errors import RateLimited

MOST_BUCKETS = 20_000


@dataclass(frozen=True, slots=True)
class Policy:
    """``burst`` requests at once, ``per_second`` in the long run; both per bucket."""

    name: str
    per_second: int
    burst: int

    @property
    def window_seconds(self) -> int:
        """How long an empty bucket takes to fill, at least a second."""
        return max(1, -(-self.burst // self.per_second))


class Buckets:
    """The buckets of one policy; the least recently used ones are forgotten when there are too many."""

    def __init__(self, policy: Policy, ticks: Callable[[], int] = time.monotonic_ns) -> None:
        self.policy = policy
        self._ticks = ticks
        self._lock = threading.Lock()
        self._full = policy.burst * 1_000_000_000
        self._levels: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._policy_header = f'"{policy.name}";q={policy.burst};w={policy.window_seconds}'

    def take(self, owner: str) -> int:
        """Take one token and return how many are left.

        Raises:
            RateLimited: the bucket is empty.
        """
        left = self._change(owner, 1_000_000_000)
        if left < 0:
            raise RateLimited(-(left // (self.policy.per_second * 1_000_000_000)))
        return left // 1_000_000_000

    def headers(self, left: int) -> list[tuple[str, str]]:
        """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10)."""
        missing = self.policy.burst - left
        wait = -(-missing // self.policy.per_second)
        return [
            ("RateLimit-Policy", self._policy_header),
            ("RateLimit", f'"{self.policy.name}";r={left};t={wait}'),
        ]

    def _change(self, owner: str, cost: int) -> int:
        # Levels are billionths of a token, so that refilling stays in integers.
        now = self._ticks()
        with self._lock:
            level, since = self._levels.get(owner, (self._full, now))
            level = min(self._full, level + (now - since) * self.policy.per_second)
            if level >= cost:
                level -= cost
                answer = level
            else:
                answer = level - cost
            self._levels[owner] = (level, now)
            self._levels.move_to_end(owner)
            if len(self._levels) > MOST_BUCKETS:
                self._levels.popitem(last=False)
        return answer
