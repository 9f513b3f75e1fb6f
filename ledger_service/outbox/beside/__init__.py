"""Intents for contracts beside the ClearingHouse: coupons first, one table for all of them.

As an intent of the ledger's own outbox: written in the db transaction of what it tells, kept for ever, moved
by the bridge alone, effective on chain exactly once (INV-7). One that the contract refused is final with its
reason: what SQL did stands, and D7 applies.
"""
