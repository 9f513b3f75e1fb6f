"""Scan-to-earn: an item's claim issues points of its brand's programme, its return takes them back.

The item earns at most once (INV-12): its row in ``trace_claim``, the id of what is issued, which follows from
the item, and the registry on chain each refuse a second time.
"""
