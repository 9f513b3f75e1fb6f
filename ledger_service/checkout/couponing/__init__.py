"""Coupons at the checkout: the till's lines as the decision sees them, and the decision as lines and answers.

Pure. A line goes on as what coupons left of it: points may pay that, it earns on that, and a return gives
that back. So everything behind the decision is as it is for a basket without coupons.
"""
