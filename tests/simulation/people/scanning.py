"""Goods in a run: who finds a coded item claims it, so does a second finder, brands take items back, readers
see goods of others pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from ledger_service.kernel.clock import format_instant
from ledger_service.traceability.epcis.documents import CONTEXT
from tests.simulation.founding import GLNS, Founded, Item
from tests.simulation.machine.front import Asked
from tests.simulation.people.memory import Action, Memory

# Few lie about at once, so that two members often find the same.
_ABOUT, _WRONG_PIN = 4, "00000000"
_ELSEWHERE = "https://id.gs1.org/01/09506000134352/21/N{}"


@dataclass
class Scanning:
    """Draws who finds which item, and which comes back; ``asked`` makes a request with a key of its own."""

    founded: Founded
    random: Random
    memory: Memory
    asked: Callable[..., Asked]
    now: Callable[[], int]
    seen: int = 0

    def claim(self) -> Action:
        """Somebody claims an item that lies about, or one that somebody has claimed."""
        person, item = self.random.choice(self.founded.people), self._item()
        pin = _WRONG_PIN if self.random.random() < 0.05 else item.pin
        body = {"code": item.code, "pin": pin, "channel": self.random.choice(["app", "store"])}
        asked = self.asked(person.token, "claim-item", body, ("number", person.number))
        return Action("claim-item", asked, person.number, {"item": item.code})

    def take_back(self) -> Action:
        """The brand takes an item back that was claimed, perhaps for a second time, or one that was not."""
        item = self._item()
        token = self.random.choice(self.founded.tills[GLNS[item.place]])
        asked = self.asked(token, "return-item", {"code": item.code})
        return Action("return-item", asked, facts={"item": item.code})

    def observe(self) -> Action:
        """A reader somewhere saw goods of others; told once more, the event is known by what it says."""
        self.seen += 1
        at = format_instant(datetime.fromtimestamp(self.now(), UTC))
        body = {
            "@context": [CONTEXT], "type": "ObjectEvent", "eventTime": at, "eventTimeZoneOffset": "+00:00",
            "action": "OBSERVE", "bizStep": "storing", "epcList": [_ELSEWHERE.format(self.seen)],
        }  # fmt: skip
        return Action("capture-event", Asked(self.founded.operator, "capture-event", body))

    def _item(self) -> Item:
        known = [item for item in self.founded.items if item.code in self._known()]
        if known and self.random.random() < 0.4:
            return self.random.choice(known[-2:])
        free = [item for item in self.founded.items if item not in known]
        return self.random.choice(free[:: len(free) // _ABOUT or 1] or known)

    def _known(self) -> set[str]:
        """What is somebody's by the word of whoever remembers."""
        return {*self.memory.claimed, *self.memory.claimed_before}
