"""What a case is, and the decorator that puts a function into its group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ledger_service.certify.stage import Stage

Play = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its stable name, the requirement that it tests, and how it is played.

    ``needs`` names what a till must offer for it; a till that does not offer it is not tested in it.
    ``allowance_minor`` is what the till may take in points while it is alone.
    """

    name: str
    requirement: str
    play: Play
    needs: str = "sale"
    allowance_minor: int = 1_000


class Group(list[Case]):
    """Cases in the order in which they were written."""

    def case(self, needs: str = "sale", allowance_minor: int = 1_000) -> Callable[[Play], Play]:
        """The function below plays a case of its own name; its docstring is the requirement."""

        def added(play: Play) -> Play:
            name = play.__name__.replace("_", "-")
            self.append(Case(name, " ".join((play.__doc__ or "").split()), play, needs, allowance_minor))
            return play

        return added
