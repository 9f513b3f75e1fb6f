"""Stored-value cards: what was paid for them is owed to whoever holds them, on a ledger of money by double
entry.

Owns ``value_card``, ``value_entry`` and ``value_hold``. An entry names two accounts and one positive amount,
so an unbalanced one cannot be written; one of the two is always the issuer's liability, of which a card is a
part. It keeps: what a card holds is the sum of its entries, what is held is the sum of its holds, neither is
negative, and the cards of a merchant together are its liability. It never keeps a code or a PIN, and never
changes an entry.
"""
