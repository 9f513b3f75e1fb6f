"""Offline sales: what tills sold while they could not ask, merged later with the same books in any order.

Owns the tables ``offline_sale``, ``offline_allowance`` and ``offline_window``. A sale is booked once per
terminal and client-made key; points that cannot be taken any more are the loss of the merchant whose till
took them, bounded by an allowance that it set beforehand, and never a doubled point (docs/offline.md).
"""
