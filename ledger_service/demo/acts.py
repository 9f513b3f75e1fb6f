"""Acts of a story on a replay's agenda: each is played once, also by a run that was killed in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ledger_service.demo.agenda import Due
from ledger_service.demo.town import Town
from ledger_service.kernel.clock import seconds_floor

Act = Callable[[datetime], Awaitable[None]]
Work = tuple[Sequence[int], Callable[[], Awaitable[None]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """An act, when it is played, and whose members it concerns.

    While one that ``waits`` is played, nothing else is: for what the chain's clock decides, which must not
    depend on how far the replay has gone meanwhile.
    """

    at: datetime
    act: Act
    households: Sequence[int]
    waits: bool = False

    @property
    def name(self) -> str:
        """The act in words."""
        return self.act.__name__.strip("_").replace("_", " ")


def put_on(town: Town, scenes: Sequence[Scene]) -> None:
    """The acts that were not played yet are on the town's agenda; those that were are kept under "done"."""
    done = town.pending.story.get("done", [])
    for scene in scenes:
        if scene.name not in done:
            work: Work = scene.households, partial(_play, town, scene)
            due = Due(seconds_floor(scene.at), f"act {scene.name}", partial(_as_it_is, work), scene.waits)
            town.agenda.add(due)


async def _play(town: Town, scene: Scene) -> None:
    await scene.act(scene.at)
    town.remember("done", [*town.pending.story.get("done", []), scene.name])


def _as_it_is(work: Work) -> Any:
    return work
