"""Subscriptions to named queries of EPCIS: what a query finds goes to an address, at once or by a clock.

The book of events is the outbox: a subscription remembers the number up to which its receiver has taken them
(ADR 49). What goes out is what a key of the subscriber's may see, and nothing goes out while no such key is
in force.
"""
