"""Betweenness of a large network in a process of its own, beside everything else that is measured.

Sampling and dividing take most of the time, and each stays on one thread so that two runs agree. A process
has the library's chance and threads for itself, which two threads of one process have not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from ledger_service.referrals.network.graph import Network
from ledger_service.referrals.network.measures import EXACT_MOST, Betweenness, betweenness


@contextmanager
def betweenness_beside(
    network: Network, exact_most: int = EXACT_MOST
) -> Iterator[Callable[[], Betweenness]]:
    """What is yielded answers the network's betweenness, the same as ``betweenness`` does.

    Above ``exact_most`` members it is on its way in a process of its own while the block runs; that process
    has ended when the block has. It holds a second graph: about as much memory again.
    """
    if network.size <= exact_most:
        yield lambda: betweenness(network, exact_most)
        return
    ties = Network(network.members, network.source, network.target, network.weight)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        yield process.submit(betweenness, ties, exact_most).result
