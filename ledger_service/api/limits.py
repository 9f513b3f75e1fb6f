"""Rate limits: a token bucket for each API key or member, each address that sends wrong keys, and each key's
wrong pay codes; in this process, or in a file for all worker processes of a host (``shared_limits``).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ledger_service.api.errors import RateLimited

MOST_BUCKETS = 20_000
_TOKEN = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """``burst`` requests at once, ``per_second`` (or each ``seconds``) in the long run; all per bucket."""

    name: str
    per_second: int
    burst: int
    seconds: int = 1

    @property
    def window_seconds(self) -> int:
        """How long an empty bucket takes to fill, at least a second."""
        return max(1, -(-self.burst * self.seconds // self.per_second))


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
        return self._left_or_refused(self._change(owner, _TOKEN))

    def check(self, owner: str) -> None:
        """One token is there; it stays.

        Raises:
            RateLimited: the bucket is empty.
        """
        self._left_or_refused(self._change(owner, _TOKEN, keep=True))

    def spend(self, owner: str) -> None:
        """One token fewer is there, if there was one."""
        self._change(owner, _TOKEN)

    def _left_or_refused(self, left: int) -> int:
        if left < 0:
            raise RateLimited(-(left * self.policy.seconds // (self.policy.per_second * _TOKEN)))
        return left // _TOKEN

    def headers(self, left: int) -> list[tuple[str, str]]:
        """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10)."""
        missing = self.policy.burst - left
        wait = -(-missing * self.policy.seconds // self.policy.per_second)
        return [
            ("RateLimit-Policy", self._policy_header),
            ("RateLimit", f'"{self.policy.name}";r={left};t={wait}'),
        ]

    def _change(self, owner: str, cost: int, *, keep: bool = False) -> int:
        # Levels are billionths of a token, so that refilling stays in integers.
        now = self._ticks()
        with self._lock:
            answer, level = self._drawn(self._levels.get(owner), (cost, keep), now)
            self._levels[owner] = (level, now)
            self._levels.move_to_end(owner)
            if len(self._levels) > MOST_BUCKETS:
                self._levels.popitem(last=False)
        return answer

    def _drawn(self, before: tuple[int, int] | None, draw: tuple[int, bool], now: int) -> tuple[int, int]:
        """What a draw leaves (negative: refused), and the level then; ``before`` is a level and its time."""
        level, since = before or (self._full, now)
        level = min(self._full, level + (now - since) * self.policy.per_second // self.policy.seconds)
        cost, keep = draw
        answer = level - cost
        return answer, (answer if answer >= 0 and not keep else level)
