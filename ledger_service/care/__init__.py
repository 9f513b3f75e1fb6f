"""The care room: members whose account must change, by their own will or because they lost it.

It owns the cases (a lost phone, a recycled number, a death) and combines members, points, ledger and outbox:
a member's switch to its new account and the chain's move stand in one db transaction. INV-9: no points change
accounts but by the signature of a device of the member, or after two operators, a notice and no objection.
"""
