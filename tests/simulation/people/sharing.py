"""Sharing in a run: members make links, strangers open them, members follow; goods come back as ever, persons
decide what waits for them, and merchants change a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.simulation.founding import BROWSER, CAMPAIGNS, Founded, Person
from tests.simulation.machine.front import Asked
from tests.simulation.people.memory import Action, Memory

_CHANNELS = ("wechat-group", "line", "paper")
_MORE = (0, 80, 80, 160, -80)
# The rewards that wait for a person: reward and state.
Reviews = Callable[[], list[tuple[str, str]]]


@dataclass
class Sharing:
    """Draws who shares and who follows; ``asked`` makes a request with a key of its own."""

    founded: Founded
    random: Random
    memory: Memory
    asked: Callable[..., Asked]
    reviews: Reviews
    visits: int = 0

    def link(self) -> Action:
        """A member makes a link, or asks for it again."""
        person, campaign = self.random.choice(self.founded.people), self.random.choice(CAMPAIGNS)
        wanted = {"campaign": campaign["code"], "channel": self.random.choice(_CHANNELS)}
        return Action("link", self.asked(person.token, "make-share-link", wanted), person.number)

    def touch(self) -> Action | None:
        """A stranger opens a link, which needs no key; a program now and then."""
        if not self.memory.links:
            return None
        self.visits += 1
        link, owner = self.random.choice(self.memory.links[-6:])
        agent = BROWSER if self.random.random() < 0.95 else "curl/8.0"
        body = {"link": link, "visit": f"{1 << 64 | self.visits:032x}", "agent": agent}
        return Action("touch", Asked("", "touch-share-link", body), owner)

    def follow(self) -> Action | None:
        """A member takes the offer; mostly whoever came later than the sharer, so that few go in a circle."""
        if not self.memory.touches:
            return None
        touch, owner = self.random.choice(self.memory.touches[-4:])
        people = self.founded.people
        later = people[1 + [person.number for person in people].index(owner) :]
        who: Person = self.random.choice(later if later and self.random.random() < 0.85 else people)
        return Action("follow", self.asked(who.token, "follow-share-link", {"touch": touch}), who.number)

    def review(self) -> Action | None:
        """A person decides about a reward that waits, or about the appeal of one."""
        waiting = self.reviews()
        if not waiting:
            return None
        reward, state = self.random.choice(waiting)
        path = ("reward", reward)
        if state == "refused":
            whose = self.random.choice(self.founded.people)
            return Action("appeal", self.asked(whose.token, "appeal-share-reward", {"reason": "mine"}, path))
        step = self.random.choice(["release", "release", "refuse"])
        token = self.random.choice([self.founded.operator, self.founded.second_operator])
        return Action(step, self.asked(token, "step-share-reward", {"step": step, "reason": "seen"}, path))

    def budget(self) -> Action:
        """A merchant gives its campaign more to promise, or less: what is promised already stays."""
        campaign: dict[str, Any] = self.random.choice(CAMPAIGNS)
        points = campaign["budget"]["points"] + self.random.choice(_MORE)
        wanted = {"points": points, "rewards": 1_000}
        asked = self.asked(self.founded.operator, "set-share-budget", wanted, ("campaign", campaign["code"]))
        return Action("budget", asked)
