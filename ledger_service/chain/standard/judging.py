"""The rules by number, and what a token was seen to do under each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eth_abi.exceptions import DecodingError

from ledger_service.chain.standard import rules_at_rest as rest
from ledger_service.chain.standard import rules_in_motion as motion
from ledger_service.chain.standard.subject import NotApplicable, Subject, Unlike

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"


@dataclass(frozen=True, slots=True)
class Rule:
    """STD-n of docs/alliance-points-standard.md."""

    number: int
    title: str
    check: Callable[[Subject], None]

    @property
    def name(self) -> str:
        """As the document cites it."""
        return f"STD-{self.number}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a rule; ``seen`` is empty where it passed."""

    rule: Rule
    outcome: str
    seen: str = ""


_TITLES: tuple[tuple[str, Callable[[Subject], None]], ...] = (
    ("a clone of the registry's implementation that the registry lists", rest.is_the_clone),
    ("claims ERC-165 and its own interface, and none that it restricts", rest.claims),
    ("whole points", rest.whole_points),
    ("name and symbol are text", rest.named_in_text),
    ("initialised once", rest.initialised_once),
    ("transfer is refused by name", rest.no_transfer),
    ("transferFrom is refused by name", rest.no_transfer_from),
    ("approve is refused by name", rest.no_approval),
    ("permit is refused by name", rest.no_permit),
    ("transferAtEpoch is refused by name", rest.no_transfer_at_epoch),
    ("the calendar and the validity are the registry's", rest.calendar_of_the_registry),
    ("no other way to make, destroy or upgrade", rest.nothing_foreign),
    ("lifetime issuance within the cap (INV-10)", rest.within_the_cap),
    ("batches by the ClearingHouse in force alone", motion.only_the_house),
    ("issues", motion.issues),
    ("restores", motion.restores),
    ("redemptions", motion.redeems),
    ("clawbacks", motion.claws_back),
    ("expiries", motion.expires),
    ("gifts", motion.gifts),
    ("no balance below zero", motion.never_below_zero),
    ("counters and totals (INV-4)", motion.counted),
    ("epochs end in time, never early (INV-11)", motion.ends_in_time),
    ("gas of batches", motion.cheap_batches),
    ("views of state and time alone", motion.views_of_state_alone),
)
RULES = tuple(Rule(number, title, check) for number, (title, check) in enumerate(_TITLES, start=1))


def judge(on: Subject) -> list[Verdict]:
    """Every rule's verdict, in their order.

    Raises:
        ChainUnavailable, NodeRefusal: the node could not be asked; nothing is said of the token.
    """
    return [_verdict(rule, on) for rule in RULES]


def _verdict(rule: Rule, on: Subject) -> Verdict:
    try:
        rule.check(on)
    except NotApplicable as reason:
        return Verdict(rule, NOT_APPLICABLE, str(reason))
    except Unlike as seen:
        return Verdict(rule, FAILED, str(seen))
    except DecodingError as seen:
        return Verdict(rule, FAILED, f"the registry answers what no registry does: {seen}")
    return Verdict(rule, PASSED)
