"""A wire that fails and a node that answers late, half, stale or falsely, as the run's weather has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

from ledger_service.chain.errors import ChainUnavailable
from tests.simulation.network.rpc import Rpc
from tests.simulation.network.wire import answered

Calls = list[dict[str, Any]]
SENDS = "eth_sendRawTransaction"
HAZARDS = (
    "drop", "lose", "duplicate", "shuffle", "truncate", "skip", "late", "stale", "fail", "omit-log",
    "repeat-log", "no-logs", "nonce-low", "nonce-high", "no-receipt", "reorg-between",
)  # fmt: skip

# What can only happen to answers that are asked for seldom.
RARE = frozenset({"omit-log", "repeat-log", "no-logs", "nonce-low", "nonce-high", "no-receipt"})


@dataclass(frozen=True)
class Weather:
    """Which hazards a run meets and how often, each in thousandths of the exchanges."""

    rates: dict[str, int]

    @classmethod
    def drawn(cls, random: Random) -> Weather:
        """A few hazards, some of them often: a run that meets everything at once gets nowhere."""
        chosen = random.sample(HAZARDS, random.choice([0, 1, 2, 3, 5, 8, len(HAZARDS)]))
        return cls({h: random.choice([5, 20, 60, 150]) * (4 if h in RARE else 1) for h in chosen})


CLEAR = Weather({})


class FaultyCarry:
    """Carries calls to the node; ``calm`` while nothing may go wrong any more."""

    def __init__(self, rpc: Rpc, random: Random, weather: Weather) -> None:
        self.rpc, self._random, self._weather = rpc, random, weather
        self.calm = False
        self.met: Counter[str] = Counter()
        self.while_late: Callable[[float], None] = lambda seconds: None
        self.reorganise: Callable[[], None] = lambda: None

    def __call__(self, calls: Calls) -> bytes:
        if self._hit("drop"):
            raise ChainUnavailable(calls[0]["method"], "dropped")
        if self._hit("late"):
            self.while_late(self._random.choice([0.5, 3.0, 20.0]))
        height = self.rpc.chain.head.number
        if self._hit("stale"):
            height = max(height - self._random.randint(1, 3), 0)
        if self._hit("duplicate"):
            self._answers(calls, height)
        answers = self._answers(calls, height)
        if self._hit("lose"):
            raise ChainUnavailable(calls[0]["method"], "its answer was lost")
        return self._posted(answers)

    def _hit(self, hazard: str) -> bool:
        rate = self._weather.rates.get(hazard, 0)
        hit = not self.calm and rate > 0 and self._random.randrange(1000) < rate
        self.met[hazard] += hit
        return hit

    def _answers(self, calls: Calls, height: int) -> list[dict[str, Any]]:
        answers = []
        for call in calls:
            if len(answers) and self._hit("reorg-between"):
                self.reorganise()
            if self._hit("fail"):
                error = {"code": -32603, "message": "internal error"}
                answers.append({"jsonrpc": "2.0", "id": call["id"], "error": error})
                continue
            answers.append(
                self._bent(call, answered(self.rpc, call, None if call["method"] == SENDS else height))
            )
        return answers

    def _bent(self, call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        result, method = answer.get("result"), call["method"]
        if method == "eth_getLogs" and result:
            return {**answer, "result": self._bent_logs(result)}
        # Of the newest state; what a node says of the state at a height is all that D8 has to go by.
        if method == "eth_getTransactionCount" and result and call["params"][1] in ("latest", "pending"):
            if self._hit("nonce-low"):
                return {**answer, "result": hex(max(int(result, 16) - self._random.randint(1, 3), 0))}
            if self._hit("nonce-high"):
                return {**answer, "result": hex(int(result, 16) + self._random.randint(1, 3))}
        if method == "eth_getTransactionReceipt" and self._hit("no-receipt"):
            return {**answer, "result": None}
        return answer

    def _bent_logs(self, logs: list[Any]) -> list[Any]:
        if self._hit("no-logs"):
            return []
        place = self._random.randrange(len(logs))
        if self._hit("omit-log"):
            return logs[:place] + logs[place + 1 :]
        return logs[:place] + logs[place : place + 1] + logs[place:] if self._hit("repeat-log") else logs

    def _posted(self, answers: list[dict[str, Any]]) -> bytes:
        if self._hit("shuffle"):
            self._random.shuffle(answers)
        if self._hit("skip"):
            answers.pop(self._random.randrange(len(answers)))
        posted = orjson.dumps(answers)
        return posted[: len(posted) // 2] if self._hit("truncate") else posted
