"""Who claimed which item, once (INV-12), and under which terms of the brand; points are issued elsewhere.

A claim is for ever: an item that came back is void, and nobody can claim it again.
"""
