"""The wallet: coupons as rows, who holds each, and its way from claimed to consumed (INV-6).

Who may change a coupon's row follows from its state, and each state has one lock: available, the holder's row
in ``member``, or where nobody holds it the row of its code; reserved, what locks the hold; consumed, what
locks the sale. A code that nobody has used yet has no coupon row: its id follows from list and position.
"""
