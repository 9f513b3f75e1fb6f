"""`alliance chain`: the durable local chain with the settings of this installation; `alliance chain verify`
executes it once more and compares.

A new chain is founded with the sending keys of the signing process funded; afterwards it needs nobody.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from ledger_service.chain.node import server
from ledger_service.cli import chain_verify
from ledger_service.config import Settings, settings_from_environment
from ledger_service.custody.client import SignerClient
from ledger_service.custody.errors import SignerUnavailable
from ledger_service.custody.requests import SENDING_KEYS

_REPLAY_GENESIS = 946_684_800
_SIGNER_PATIENCE_MS = 60_000


def main(argv: Sequence[str]) -> int:
    """Serve the chain until a signal, or verify it; further arguments go to the node as they are."""
    if argv[:1] == ["verify"]:
        return chain_verify.main(argv[1:])
    parser = argparse.ArgumentParser(prog="alliance chain", description=__doc__, add_help=False)
    parser.add_argument("--help", "-h", action="store_true")
    options, rest = parser.parse_known_args(argv)
    if options.help:
        print(__doc__)
        return server.main(["--help"])
    settings = settings_from_environment()
    try:
        return server.main([*_arguments(settings), *rest])
    except SignerUnavailable:
        print(
            "alliance chain: a new chain funds the sending keys; start `alliance signer` first",
            file=sys.stderr,
        )
        return 2


def _arguments(settings: Settings) -> list[str]:
    arguments = ["--store", str(settings.chain_store), "--port", str(settings.chain_port)]
    if settings.replay:
        arguments.append("--time-control")
    if settings.chain_store.exists():
        return arguments
    settings.chain_store.parent.mkdir(parents=True, exist_ok=True)
    genesis = settings.chain_genesis or (_REPLAY_GENESIS if settings.replay else int(time.time()))
    founding = ["--chain-id", str(settings.chain_id), "--genesis-time", str(genesis)]
    return [*arguments, *founding, "--fund", *_sending_addresses(settings)]


def _sending_addresses(settings: Settings) -> list[str]:
    # The signing process may have been started a moment ago.
    client = SignerClient(settings.signer_socket, _SIGNER_PATIENCE_MS)
    try:
        return ["0x" + client.address_of(name).hex() for name in sorted(SENDING_KEYS)]
    finally:
        client.close()
