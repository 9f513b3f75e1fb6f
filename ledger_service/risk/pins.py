"""Wrong PINs as acts of their own: tried too often on one account or at one till, no more are tried.

For the room that keeps the PINs: judge before the PIN is looked at, and keep the count of a wrong one.
"""

from __future__ import annotations

from ledger_service.db.workset import Draft
from ledger_service.risk.guard import Guard, Judged
from ledger_service.risk.rules import Act, Observation, Outcome, Who


def judge_pin(draft: Draft, guard: Guard, who: Who, ages: tuple[int, int]) -> Judged:
    """A PIN may be tried; whoever finds it wrong calls ``guard.book_it`` with the answer, also in a refusal.

    Reads: ``guard.needs(who)``.

    Args:
        draft: of the command that will look at the PIN.
        guard: of the till's scene.
        who: the member, the till and the cashier.
        ages: the time of the act, and since when the member is one, in seconds.

    Raises:
        RefusedByRules: nobody may try here now; the PIN is not looked at.
    """
    at, member_since = ages
    seen = Observation(at, who, frozenset({Act.PIN}), member_since=member_since)
    judged = guard.judge(draft, seen)
    if judged.outcome is Outcome.REFUSE:
        raise guard.refusal(judged)
    return judged
