"""Checkout: baskets become captures, points move, refunds undo them.

Owns the tables ``sale``, ``refund``, ``sale_event``, ``unreceipted_return``, ``invoice``, ``return_policy``,
``permit_use``, ``idempotency``, ``pay_code_revocation`` and the receipts. It combines points, members,
merchants and the ledger, keeps INV-3 and INV-13, and accepts only what the ClearingHouse will accept (D7). It
never sends anything to a chain: it writes intents.
"""
