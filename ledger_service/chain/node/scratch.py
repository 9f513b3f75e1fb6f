"""A local chain for one piece of work inside this process: its own file, its own port, its clock ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.chain.node.chain import Chain, Genesis
from ledger_service.chain.node.listener import LOOPBACK, NodeServer
from ledger_service.chain.node.methods import Methods
from ledger_service.chain.node.rpc import Dispatcher
from ledger_service.chain.node.store import Store


@contextmanager
def scratch_chain(path: Path, genesis: Genesis) -> Iterator[str]:
    """The URL of a chain with block zero alone, served while the block runs.

    Args:
        path: a file that does not exist yet; it stays.
        genesis: what the chain is founded with.
    """
    chain = Chain(Store(path), genesis)
    server = NodeServer(0, Dispatcher(Methods(chain, time_control=True)))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        chain.close()
