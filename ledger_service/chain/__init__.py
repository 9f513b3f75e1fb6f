"""The chain room: everything that knows an Ethereum node, a contract's calldata or a chain tx.

It owns the ``chain_*`` tables: batches, signed raw transactions, the journal and the mirror of what
the contracts did. It takes intents from the outbox in their order, brings each into effect exactly
once (INV-7), tells the registered handlers what became of it, and rebuilds the mirror after any
reorg, crash or rollback (INV-8). It never touches a business room's table, holds no private key
and never lets a checkout wait.
"""
