"""Whose a store is: legal persons of a merchant, and from when each bears which share of a store.

A concession counter is a store with a GLN of its own. Owners and their bank accounts stand in SQL only, never
on chain. Rows are never changed: a later one takes over, and none begins in a period that is closed.
"""
