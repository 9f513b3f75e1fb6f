"""Referral campaigns: terms in versions that a second person approves, a budget, and who funds it.

Owns ``share_campaign`` and ``share_campaign_version``. A campaign pays on purchases and scans alone, to a
depth of two at most (INV-14), and never a unit beyond its budget.
"""
