"""Tickets to events at the till and at the door: sold, entered with, money back.

A basket reads none of this. The tickets themselves belong to ``coupons.tickets``.
"""
