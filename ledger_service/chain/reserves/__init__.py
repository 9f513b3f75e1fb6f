"""Reserves on chain: the desk, what the registry tells of it, and what that comes to for each merchant."""
