"""The outbox: what the chain has yet to do, written in the db transaction of the postings (R2).

An intent is written once, keeps its payload for ever and only moves between states. The bridge moves
it; nobody deletes it. Each takes effect on chain exactly once (INV-7).
"""
