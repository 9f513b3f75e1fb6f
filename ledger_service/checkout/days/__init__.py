"""Closing a store's business day: what the till counted against what the ledger has.

Owns the tables ``store_day``, ``day_close``, ``day_line`` and ``day_void``. A close changes no sale and
refuses none: what comes into a closed day is reported as late. What the ledger has is counted anew from the
sales, refunds, returns and voids of the day whenever somebody looks.
"""
