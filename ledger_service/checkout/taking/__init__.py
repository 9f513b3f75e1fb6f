"""Which points a merchant takes as payment: rules as data, and the daily sums that they bound.

Owns ``taking_rule`` and ``taking_sum``; a published version never changes.
"""
