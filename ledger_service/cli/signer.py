"""`alliance signer`: the signing process with the settings of this installation."""

from __future__ import annotations

from collections.abc import Sequence

from ledger_service.config import settings_from_environment
from ledger_service.custody import process
from ledger_service.custody.process import SignerSettings
from ledger_service.custody.vault import CustodialLimits


def main(argv: Sequence[str]) -> int:
    """Run one command of the signing process; see `alliance signer --help`."""
    settings = settings_from_environment()
    limits = CustodialLimits(settings.custodial_permit_micros, settings.custodial_day_micros)
    signer = SignerSettings(settings.secrets_file, settings.signer_socket, settings.replay, limits)
    return process.main(argv, signer)
