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
    ``allowance_minor`` is what the till may take in points while it is alone. ``at_home`` says that it can be
    played in a sandbox of the certification's own alone, since something is printed or sent to a phone.
    """

    name: str
    requirement: str
    play: Play
    needs: str = "sale"
    allowance_minor: int = 1_000
    at_home: bool = False


class Group(list[Case]):
    """Cases in the order in which they were written."""

    def case(
        self, needs: str = "sale", allowance_minor: int = 1_000, *, at_home: bool = False
    ) -> Callable[[Play], Play]:
        """The function below plays a case of its own name; its docstring is the requirement."""

        def added(play: Play) -> Play:
            name = play.__name__.replace("_", "-")
            requirement = " ".join((play.__doc__ or "").split())
            self.append(Case(name, requirement, play, needs, allowance_minor, at_home))
            return play

        return added
