"""Members without a phone of their own make: cards of plastic, PINs, and one-time codes.

Owns the tables ``card_stock``, ``member_access`` and ``till_code``, and what ends a row of ``member_card``.
A card or a number lets a member earn; to spend takes the card with its PIN, or a code that was sent to the
member for one payment (docs/without-a-phone.md). No number of a card, no PIN and no code stands in any
table in clear.
"""
