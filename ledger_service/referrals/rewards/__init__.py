"""Rewards: which sale is whose doing, what it pays, what is held for review, what goes back with the goods.

Owns ``share_purchase``, ``share_reward``, ``share_reward_event`` and ``share_cursor``. Nothing of it happens
on the way of a checkout: a job follows the ledger. A reward cites its sale (INV-14), is promised within the
campaign's budget, issued once, and taken back once (D10).
"""
