"""What the people of a run remember: every answer, every doubt, and what the answers add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from ledger_service.kernel.errors import Category, DomainError
from tests.simulation.machine.front import Asked, Told
from tests.simulation.machine.process import Killed

Who = tuple[str, str]


@dataclass(frozen=True)
class Action:
    """A request and whom it concerns; ``facts`` is what later actions need to know of it."""

    kind: str
    asked: Asked
    member: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Sale:
    """A captured basket and the pieces of each line that did not come back yet."""

    sale_id: str
    token: str
    left: dict[str, int]
    member: str


@dataclass
class Hold:
    """An open hold as its till remembers it."""

    hold_id: str
    token: str
    member: str
    store: str


class Forgotten(AssertionError):
    """Something that was acknowledged is not so any more."""


class Memory:
    """Grows with every definite answer; doubts are asked again until they are none."""

    def __init__(self) -> None:
        self.answered: dict[tuple[str, str], tuple[Action, bytes]] = {}
        self.refused: dict[tuple[str, str], str] = {}
        self.doubts: list[Action] = []
        self.sales: list[Sale] = []
        self.holds: list[Hold] = []
        self.points: Counter[Who] = Counter()
        self.codes: list[tuple[str, str]] = []
        self.suspended: set[str] = set()
        self.coupons: list[str] = []
        self.used: Counter[str] = Counter()
        self.uploaded: dict[tuple[str, str], dict[str, Any]] = {}
        # Whose an item is, what its return took, and what was claimed before a loss.
        self.claimed: dict[str, str] = {}
        self.returned: dict[str, tuple[str, int]] = {}
        self.claimed_before: set[str] = set()
        # Links and what opening them told, each with the member that shared.
        self.links: list[tuple[str, str]] = []
        self.touches: list[tuple[str, str]] = []

    @staticmethod
    def body_of(raw: bytes) -> dict[str, Any]:
        """What an answer said."""
        body: dict[str, Any] = orjson.loads(raw)
        return body

    def has_answer(self, action: Action) -> bool:
        """Whether the request has been answered."""
        return (action.asked.token, action.asked.key) in self.answered

    def recall(self, earlier: Memory, returned: set[str]) -> None:
        """A database came back from then: only what was known then counts, and what was asked since is open.

        Tills take nothing of open holds, and nothing back of sales that came back since.
        """
        kept = ("answered", "refused", "doubts", "sales", "points", "suspended", "uploaded")
        for name in (*kept, "coupons", "used", "claimed", "returned", "links", "touches"):
            setattr(self, name, getattr(earlier, name))
        self.sales = [sale for sale in self.sales if sale.sale_id not in returned]
        self.holds = []

    def hear(self, action: Action, outcome: Told | DomainError | Killed) -> str:
        """The outcome is remembered; returns it in one word."""
        name = (action.asked.token, action.asked.key)
        if isinstance(outcome, Killed) or (
            isinstance(outcome, DomainError) and outcome.category is Category.UNAVAILABLE
        ):
            self.doubts.append(action)
            return "doubt"
        if isinstance(outcome, DomainError):
            if name in self.answered:
                raise Forgotten(f"{action} was answered, and now {outcome}")
            self.refused[name] = outcome.code
            return outcome.code
        if name in self.answered:
            self._compare(self.answered[name][1], action, outcome)
            return "replayed"
        if action.kind == "upload":
            return self._uploaded(action, outcome.body["results"])
        if action.kind == "touch":
            self.touches.append((outcome.body["touch"], action.member))
        if action.asked.key:
            self.answered[name] = (action, outcome.raw)
            self._book(action, outcome.body)
        return "done"

    def _uploaded(self, action: Action, results: list[dict[str, Any]]) -> str:
        """Each sale of the batch was decided, or waits and is sent again with the others."""
        for one in results:
            name, content = (action.asked.token, one["key"]), one["result"]
            known = self.uploaded.get(name)
            if known is not None:
                if known != content:
                    raise Forgotten(f"{name} was {known}, and now {one}")
                continue
            if content is None:
                continue
            self.uploaded[name] = content
            if one["state"] == "certain":
                facts = {"lines": action.facts["lines"][one["key"]]}
                member = action.facts["members"][one["key"]]
                self._sold(Action("sale", action.asked, member, facts), content["sale"])
        if any(one["state"] == "waiting" for one in results):
            self.doubts.append(action)
        words = {"done" if one["problem"] is None else one["problem"]["code"] for one in results}
        return "-".join(sorted(words))

    def _compare(self, known: bytes, action: Action, outcome: Told) -> None:
        if known != outcome.raw or not outcome.replayed:
            raise Forgotten(f"{action} was answered {known!r} and then {outcome.raw!r}")

    def _book(self, action: Action, body: dict[str, Any]) -> None:
        match action.kind:
            case "sale" | "capture":
                self._sold(action, body)
            case "authorise":
                facts = action.facts
                self.holds.append(Hold(body["hold_id"], action.asked.token, action.member, facts["store"]))
            case "refund":
                for sign, part in ((1, "restored"), (-1, "clawed")):
                    for view in body[part]:
                        self.points[action.member, view["programme"]] += sign * view["points"]
                for one in body.get("coupons") or ():
                    self.used[one["coupon"]] -= one["given_back"]
                for line in body["lines"]:
                    action.facts["sale"].left[line["line"]] -= line["quantity"]
            case "gift":
                for code, points in action.facts["legs"]:
                    self.points[action.member, code] -= points
                    self.points[action.facts["to"], code] += points
            case "claim":
                self.coupons.append(body["coupon"])
            case "link":
                self.links.append((body["code"], action.member))
            case "claim-item" | "return-item":
                self._of_an_item(action, body)
            case "suspend":
                self.suspended.add(action.facts["gln"])
            case "reinstate":
                self.suspended.discard(action.facts["gln"])
            case "decide" if body["state"] == "approved":
                self.points[action.member, action.facts["code"]] += action.facts["points"]

    def _of_an_item(self, action: Action, body: dict[str, Any]) -> None:
        item = action.facts["item"]
        if action.kind == "return-item":
            self.returned[item] = body["programme"], body["pending"] + body["available"]
        elif item in self.claimed:
            raise Forgotten(f"{item} was {self.claimed[item]}'s, and now {action.member}'s (INV-12)")
        else:
            self.claimed[item] = action.member
            self.points[action.member, body["programme"]] += body["points"]
        # Its claim may be answered after its return.
        if item in self.claimed and item in self.returned:
            programme, points = self.returned[item]
            self.points[self.claimed[item], programme] -= points

    def _sold(self, action: Action, body: dict[str, Any]) -> None:
        for earned in body["earned"]:
            if earned["state"] != "none":
                gained = earned["points"] - earned["debt_collected"]
                self.points[action.member, earned["programme"]] += gained
        for spent in body["spent"]:
            self.points[action.member, spent["programme"]] -= spent["points"]
        for one in (body.get("coupons") or {}).get("applied", ()):
            self.used[one["coupon"]] += 1
        self.sales.append(
            Sale(body["sale_id"], action.asked.token, dict(action.facts["lines"]), action.member)
        )
