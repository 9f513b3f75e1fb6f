"""Payments wired: notices for front doors, the job that matches, enrols and attaches."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.bootstrap.foundations import Foundations, SystemRandom
from ledger_service.bootstrap.tills import Secrets, Tills
from ledger_service.checkout.shared_sales import SharedSales
from ledger_service.config import ConfigurationError, Settings
from ledger_service.db.writer import Writer
from ledger_service.members.identities import IdentityVault
from ledger_service.members.service import MembersService, MembersSettings
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.payments.accounts import Accounts, AccountsUnusable, read_accounts
from ledger_service.payments.service import PaymentDesk
from ledger_service.payments.settling import PaymentJob
from ledger_service.referrals.links.binding import Binder


def members_of(foundations: Foundations, secrets: Secrets) -> MembersService:
    """The members room, for front doors and jobs."""
    alliance, random = foundations.alliance, SystemRandom()
    settings = MembersSettings(alliance.gs1_prefix, secrets.identity, secrets.one_time)
    return MembersService(settings, alliance.domain, foundations.custody, random, ApiKeys(random))


def payment_accounts(settings: Settings) -> Accounts:
    """The merchants' keys at providers; none where there is no such file.

    Raises:
        ConfigurationError: the file is not ours alone, or of another form.
    """
    try:
        return read_accounts(settings.payments_file)
    except AccountsUnusable as error:
        raise ConfigurationError(str(error)) from None


@dataclass(frozen=True)
class PaymentParts:
    """What front doors need of payments."""

    desk: PaymentDesk
    accounts: Accounts


def open_payments(settings: Settings, secrets: Secrets) -> PaymentParts:
    """Orders and notices; raises as ``payment_accounts``."""
    desk = PaymentDesk(IdentityVault(secrets.identity), SystemRandom())
    return PaymentParts(desk, payment_accounts(settings))


def payment_job(foundations: Foundations, secrets: Secrets, writer: Writer, tills: Tills) -> PaymentJob:
    """What jobs do for payments."""
    members, binder = members_of(foundations, secrets), Binder(SystemRandom(), SharedSales())
    return PaymentJob(writer, foundations.database, members, binder, tills.attaching)
