"""Stored-value cards at the till: sold, loaded, shown, paid out, and paid with in every way a basket is paid.

A basket that names no card reads none of this and costs nothing more. The cards themselves, with their money,
belong to ``coupons.stored``.
"""
