"""Sharing that brings purchases: what the network of shares tells (``network``).

Programmes, links and attribution are to come; nothing here pays a reward yet.
"""
