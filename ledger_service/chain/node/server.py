"""`alliance chain`: opens or founds the chain and serves it until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ledger_service.chain.node.chain import DEFAULT_GAS_LIMIT, DEFAULT_KEPT_STATES, Chain, Genesis
from ledger_service.chain.node.errors import StoreError
from ledger_service.chain.node.listener import LOOPBACK, NodeServer
from ledger_service.chain.node.methods import Methods
from ledger_service.chain.node.rpc import Dispatcher
from ledger_service.chain.node.store import Store

DEFAULT_CHAIN_ID = 31_337
DEFAULT_PORT = 8_545
_SWITCH_SECONDS = 0.001
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\Z")


def _address(text: str) -> str:
    if not _ADDRESS.match(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a 0x address of 20 bytes")
    return text.lower()


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 53:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line of `alliance chain`."""
    made = argparse.ArgumentParser(
        prog="alliance chain",
        description="Serve the durable local chain as Ethereum JSON-RPC on 127.0.0.1. What founds a chain "
        "(chain id, genesis time, gas limit, funded addresses) is stored with it and may be omitted later.",
    )
    made.add_argument(
        "--store", type=Path, default=Path("var/chain.db"), help="chain file (default: %(default)s)"
    )
    made.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="0 picks a free port (default: %(default)s)"
    )
    made.add_argument("--chain-id", type=_positive, help=f"of a new chain (default: {DEFAULT_CHAIN_ID})")
    made.add_argument(
        "--genesis-time", type=_positive, metavar="SECONDS", help="unix time of block 0 (default: now)"
    )
    made.add_argument(
        "--fund", type=_address, nargs="+", metavar="ADDRESS", help="hold 10**27 wei from block 0"
    )
    made.add_argument("--block-gas-limit", type=_positive, help=f"(default: {DEFAULT_GAS_LIMIT})")
    made.add_argument("--keep-states", type=_positive, default=DEFAULT_KEPT_STATES, metavar="BLOCKS",
                      help="how far back state can be read (default: %(default)s)")  # fmt: skip
    made.add_argument(
        "--time-control", action="store_true", help="allow evm_* methods that move the chain's clock"
    )
    return made


def genesis_of(store: Store, options: argparse.Namespace) -> Genesis:
    """The genesis to open the store with: the stored one, or what the options say of a new chain.

    Raises:
        StoreError: something said differs from the stored chain.
    """
    said = {
        "chain_id": options.chain_id,
        "timestamp": options.genesis_time,
        "gas_limit": options.block_gas_limit,
        "funded": tuple(sorted(set(options.fund))) if options.fund else None,
    }
    given = {name: value for name, value in said.items() if value is not None}
    stored = Chain.stored_genesis(store)
    if stored is None:
        return Genesis(**{"chain_id": DEFAULT_CHAIN_ID, "timestamp": int(time.time()), **given})
    for name, value in given.items():
        if getattr(stored, name) != value:
            raise StoreError(f"{store.path} has {name} {getattr(stored, name)}, not {value}")
    return stored


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until a signal; returns the exit status (2 when the store cannot be opened)."""
    options = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        store = Store(options.store)
        chain = Chain(store, genesis_of(store, options), keep_states=options.keep_states)
        server = NodeServer(options.port, Dispatcher(Methods(chain, options.time_control)))
    except (StoreError, OSError) as error:
        print(f"alliance chain: {error}", file=sys.stderr)
        return 2
    _stop_on_signals(server)
    print(f"chain {chain.genesis.chain_id} at block {chain.head.number} on http://{LOOPBACK}:{server.server_port}",
          flush=True)  # fmt: skip
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    chain.close()
    return 0


def _stop_on_signals(server: NodeServer) -> None:
    def stop(_number: int, _frame: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
