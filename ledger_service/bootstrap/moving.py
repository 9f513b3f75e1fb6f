"""Moving in wired: for the command line, beside a service that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger_service.bootstrap.foundations import SystemRandom, background_clock, lay_foundations
from ledger_service.bootstrap.memory import collect_seldom
from ledger_service.bootstrap.tills import secrets_of
from ledger_service.config import Settings
from ledger_service.members.enrolment import EnrolmentDesk, Register
from ledger_service.members.identities import IdentityVault
from ledger_service.moving_in.room import Note, Room
from ledger_service.moving_in.service import MovingIn


@contextmanager
def open_room(settings: Settings) -> Iterator[Room]:
    """What an import works with; needs the signing process, which keeps the secret of identities.

    Raises:
        NotFounded: the database holds no alliance yet.
        SignerUnavailable: the signing process does not answer.
    """
    foundations = lay_foundations(settings)
    try:
        secrets = secrets_of(foundations)
        vault, alliance = IdentityVault(secrets.identity), foundations.alliance
        desk = EnrolmentDesk(SystemRandom(), vault, foundations.custody, alliance.domain)
        register = Register(alliance.gs1_prefix, secrets.one_time)
        yield Room(foundations.database, background_clock(settings, foundations.database), desk, register)
    finally:
        foundations.close()


@contextmanager
def moving_in(settings: Settings, note: Note) -> Iterator[MovingIn]:
    """The commands of an import; as ``open_room``."""
    collect_seldom()
    with open_room(settings) as room:
        yield MovingIn(room, note)
