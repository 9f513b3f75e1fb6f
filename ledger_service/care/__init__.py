"""The care room: members whose account must change.

It combines members, points, ledger and outbox: a member's switch to its new account and the chain's move
stand in one db transaction. INV-9: no points change accounts but by the signature of a device of the member.
"""
