"""Households: one account whose signers are its mates' devices, and what each mate may do with it (ADR 21).

A household is a row of ``member`` with an account, a number and lots of its own; the points of its mates
stay where they are until they give some. Nothing here moves points by itself: INV-9 holds for a household's
account as for any other, and a mate's right only ever narrows what its key could sign.
"""
