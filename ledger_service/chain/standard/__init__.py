"""The alliance points standard as rules that any token can be held against, over JSON-RPC and without a key.

Nothing is ever sent: what would change something is simulated (`eth_simulateV1`), so that a token in use can
be asked as well as a new one.
"""
