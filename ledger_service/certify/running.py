"""Plays cases against a till, one after the other, each with a terminal of its own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ledger_service.certify.cases import Case
from ledger_service.certify.driver import Driver
from ledger_service.certify.failures import CertificationFailed, DriverGone
from ledger_service.certify.merchant import Merchant, Terminal, open_shop
from ledger_service.certify.proxy import Wire, listening
from ledger_service.certify.sandbox import Sandbox
from ledger_service.certify.stage import Check, Stage

PASSED, FAILED, NOT_OFFERED, NOT_PLAYED = "passed", "failed", "not offered", "not played"
LIMIT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case."""

    case: Case
    verdict: str
    checks: list[Check] = field(default_factory=list)
    trouble: str = ""
    millis: int = 0


@dataclass(frozen=True, slots=True)
class Certification:
    """What a till says of itself, and the outcomes in order."""

    till: str
    version: str
    outcomes: list[Outcome]

    @property
    def passed(self) -> bool:
        """Whether every case that the till offers was played and passed."""
        return all(one.verdict in (PASSED, NOT_OFFERED) for one in self.outcomes) and any(
            one.verdict == PASSED for one in self.outcomes
        )


def certify(
    sandbox: Sandbox,
    command: str,
    cases: Iterable[Case],
    tell: Callable[[Outcome], None] = lambda _: None,
    limit_seconds: float = LIMIT_SECONDS,
) -> Certification:
    """Play the cases against the till behind a driver's command.

    Raises:
        DriverGone: it does not even say who it is.
        CertificationFailed: the sandbox does not work.
    """
    merchant = open_shop(sandbox)
    clerk = merchant.terminal("clerk")
    wire = Wire(sandbox.office.host, sandbox.office.port)
    driver = Driver(command)
    until = time.monotonic() + limit_seconds
    with listening(wire) as url:
        try:
            said = driver.ask("hello")
            offers = frozenset(said.get("offers", ()))
            cast = _Cast(sandbox, merchant, clerk, wire, driver, url, secrets.token_hex(3))
            outcomes = []
            for case in cases:
                outcomes.append(_played(cast, case, offers, late=time.monotonic() > until))
                tell(outcomes[-1])
        finally:
            driver.kill()
    return Certification(str(said.get("name", "")), str(said.get("version", "")), outcomes)


@dataclass(frozen=True, slots=True)
class _Cast:
    """What all cases of a certification share."""

    sandbox: Sandbox
    merchant: Merchant
    clerk: Terminal
    wire: Wire
    driver: Driver
    url: str
    run: str


def _played(cast: _Cast, case: Case, offers: frozenset[str], *, late: bool) -> Outcome:
    if case.needs not in offers:
        return Outcome(case, NOT_OFFERED)
    if case.at_home and cast.sandbox.machine is None:
        return Outcome(case, NOT_OFFERED, trouble="only in a sandbox that the certification founds itself")
    if late:
        return Outcome(case, NOT_PLAYED, trouble="the time for the certification was over")
    begun = time.monotonic_ns()
    cast.wire.calm()
    cast.driver.said.clear()
    terminal = cast.merchant.terminal(case.name)
    tills = terminal, cast.clerk
    stage = Stage(case.name, cast.sandbox, cast.merchant, cast.wire, cast.driver, *tills, cast.run)
    trouble = ""
    try:
        stage.begin(cast.url, case.allowance_minor)
        case.play(stage)
    except DriverGone as gone:
        trouble = f"the till's driver: {gone}"
    except CertificationFailed as failure:
        trouble = f"the sandbox refused what the case needs: {failure}"
    good = not trouble and bool(stage.checks) and all(check.good for check in stage.checks)
    millis = (time.monotonic_ns() - begun) // 1_000_000
    return Outcome(case, PASSED if good else FAILED, stage.checks, trouble, millis)
