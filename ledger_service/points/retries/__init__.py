"""Retries: an operation that the contract refused is put to it again, by two people, once its cause is gone.

Owns the table ``set_aside_retry``. Never makes a second operation: what goes to the chain again is the same
intent under the same op_id, so it can stand in one live batch only and counts once (INV-7, D8).
"""
