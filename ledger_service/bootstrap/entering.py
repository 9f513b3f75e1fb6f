"""The endpoints of whoever has no phone in the hand: cards, PINs, codes, log-ins, and the cashiers' PINs."""

from __future__ import annotations

from types import ModuleType

from ledger_service.api.administration import Administration
from ledger_service.api.endpoints import cards, cashiers, enrolments, logins, passkeys, pins
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Served
from ledger_service.bootstrap.serving import Serving
from ledger_service.checkout.cashiers.service import Cashiers

ENTERING_MODULES: tuple[ModuleType, ...] = (cards, pins, logins, enrolments, passkeys, cashiers)


def served_entering(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """Every route of cards, PINs and log-ins with its endpoint over the services."""
    s = serving
    judged = Cashiers(s.logins.cards.pins, s.writer.run)
    return [
        *cards.served(cards.CardsDoor(administration, s.cards, cursors)),
        *pins.served(pins.PinsDoor(administration, s.cards, s.desk.exponent)),
        *logins.served(logins.LoginsDoor(administration, s.logins, s.passkeys, s.api_keys)),
        *enrolments.served(enrolments.EnrolmentsDoor(administration, s.members, s.api_keys)),
        *passkeys.served(passkeys.PasskeysDoor(administration, s.passkeys)),
        *cashiers.served(cashiers.CashiersDoor(administration, judged, cursors)),
    ]
