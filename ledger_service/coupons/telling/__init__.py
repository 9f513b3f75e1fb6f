"""Telling the chain of coupons: types, roots of code lists, and what became of each coupon.

A sale, a return or a gift leaves a row of ``coupon_telling`` in its own unit of work and nothing more. A job
of the bridge puts the contract's operation, with number and proof, into the outbox beside (INV-6, INV-7).
What an alliance without the contract does with coupons is the ledger's word alone, and is told to nobody.
"""
