"""A merchant's papers of a closed period: statement (CSV, PDF), general-ledger journal, and their lock.

All figures come from the chain's index, so that a merchant makes the same bytes from a chain URL alone. What
only the operator's database knows (names, owners of stores) stands beside the figures, never in them.
"""
