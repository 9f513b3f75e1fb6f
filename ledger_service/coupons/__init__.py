"""Coupons: what is promised to whom, who holds it, and what it takes off a basket."""
