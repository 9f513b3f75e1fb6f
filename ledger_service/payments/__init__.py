"""Payments that name a member: what a provider tells of a payment, and the order that says for which sale.

Owns ``payment``. A notice counts only under the provider's signature; it moves no money and no points, it
says who paid. The payer is matched by a keyed hash, enrolled where it agreed, and its sale attached once.
"""
