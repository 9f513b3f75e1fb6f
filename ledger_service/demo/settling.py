"""Who pays whom: the fewest payments that a greedy clearer needs to bring every net position to nought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment in micros of the settlement currency."""

    debtor: str
    creditor: str
    micros: int


def payments(nets: Mapping[str, int]) -> list[Payment]:
    """Payments that settle these positions; anybody who has the positions finds the same.

    Args:
        nets: micros by merchant, positive where it is owed; they add up to nought (INV-5).

    Returns:
        at most one payment fewer than there are merchants, the largest debtor paying the largest creditor
        first; equal amounts go by name.

    Raises:
        ValueError: the positions do not add up to nought.
    """
    if sum(nets.values()):
        raise ValueError("the net positions of an alliance add up to nought")
    open_nets = {name: net for name, net in nets.items() if net}
    found: list[Payment] = []
    while open_nets:
        debtor = min(open_nets, key=lambda name: (open_nets[name], name))
        creditor = min(open_nets, key=lambda name: (-open_nets[name], name))
        micros = min(-open_nets[debtor], open_nets[creditor])
        found.append(Payment(debtor, creditor, micros))
        for name, change in ((debtor, micros), (creditor, -micros)):
            open_nets[name] += change
            if not open_nets[name]:
                del open_nets[name]
    return found
