"""The ledger: accounts, entries and postings by double entry, lots by expiry epoch, and holds.

It keeps INV-1 (an entry cannot be unbalanced: a posting names both accounts), INV-2 (no part of a
lot is negative, lots equal postings) and INV-3 (holds close once and give out at most what they
hold). It never changes or deletes an entry or a posting, and never commits.
"""
