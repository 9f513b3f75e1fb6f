"""Claims of missing points: a member shows a receipt that has earned nothing, and gets an answer in time.

Owns the tables ``claim``, ``claim_event`` and ``claim_policy``. It issues nothing itself: what is granted is
an adjustment with the reason claim, which a second person approves within the limits of D18. One receipt is
claimed once.
"""
