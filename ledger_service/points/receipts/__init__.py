"""Receipts that adjustments stand for: whoever asked with a receipt before its sale was known, it earns once.

Owns the table ``claimed_receipt``. A claim that is granted before the sale has come names no sale; what it
does name is kept here as marks, by which the sale is known when it comes or joins a member (INV-10).
"""
