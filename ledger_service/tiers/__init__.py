"""Tiers: a programme's ladder, what its members have bought towards it, and which tier they stand on.

Owns the tables ``tier_ladder``, ``qualifying_day``, ``member_tier``, ``tier_change`` and ``tier_run``. Which
tier a member has at an instant is a function of the ladder in force and of the qualifying activity alone
(``rules.place_at``); the rows of ``member_tier`` are a cache of it, those of ``tier_change`` say when it was
found to have changed. Activity comes from the sales, which only grow, so all of it can be made anew at any
time. The room knows no points: the checkout combines both.
"""
