"""The relay of contracts beside the ClearingHouse: intents of ``outbox.beside`` go out in signed batches.

Each contract (a ``Target``) has its own batches with strictly increasing numbers, one on its way at a
time. Transactions are signed, stored, sent, bid up and sent again after a reorg by the same parts as the
ClearingHouse's (``Outbound``, ``Submitter``, ``Indexer``); here it is decided what goes into a batch, and
read what its contract did with each operation. Nothing is kept in memory that a ``kill -9`` could take but
who must wait a while.

To add another contract: inherit ``SignedBatches`` (contracts/src/batches) and write ``_apply``; write its
operations as frozen dataclasses that fulfil ``kernel.beside.BesideOperation`` and a ``Codec`` of them; make
a ``Target`` with its address, artifact and gas bounds as ``targets.coupons_at`` does, and add it to
``bootstrap.relaying.targets_of``; enqueue operations with ``outbox.beside.service``. The roles of its
functions go into ``artifacts.access``, its creation into ``deploy``, its address into the alliance's row.
"""
