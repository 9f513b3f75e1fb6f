"""Limits of adjustments as data (D18): proposed by one person, in force by another's word.

Owns ``adjustment_limit`` and ``adjustment_agent``. Nothing here issues points; ``points.adjustments`` asks.
"""
