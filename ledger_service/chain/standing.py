"""What is not settled yet, found by the indexes of that alone: a look at a chain of years costs no more.

A database takes a partial index only where the query says what the index says, written out: a bound value may
be any. Each condition here is therefore the index's own, and the states that are meant beside it.
"""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, literal_column

from ledger_service.chain.models import chain_batch, chain_tx


def open_tx(*states: str) -> ColumnElement[bool]:
    """Transactions in any of these states, each one of signed, broadcast and mined (``ix_chain_tx_open``)."""
    return _as_written(chain_tx.c.state, "signed", "broadcast", "mined") & chain_tx.c.state.in_(states)


def unsettled(*states: str) -> ColumnElement[bool]:
    """Batches in any of these states, each one of signed, mined and reverted (its index:
    ``ix_chain_batch_unsettled``).
    """
    return _as_written(chain_batch.c.state, "signed", "mined", "reverted") & chain_batch.c.state.in_(states)


def _as_written(column: Column[str], *states: str) -> ColumnElement[bool]:
    return column.in_([literal_column(f"'{state}'") for state in states])
