"""Witnesses: whoever follows the chain on a machine of its own and signs the heads that it has checked.

It needs a node's URL and a key, and no database. It signs no head that does not descend from the last one it
signed, so an operator who goes back and tells another story needs every witness's silence (D14, ADR 53).
"""
