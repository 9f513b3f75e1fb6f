"""What merchants promise by coupon: definitions with versions, campaigns with sources, goods, budgets.

A version that was approved never changes; a later one takes over from its first second, and what was held
or claimed before keeps its own. Whoever pays for a coupon or takes it beside its owner has agreed to that
very version. ``catalogue`` is the immutable picture by which checkouts decide, ``budgets`` the counters that
a sale changes under lock, so that no limit is exceeded by one unit.
"""
