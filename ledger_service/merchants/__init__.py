"""Merchants, their stores and terminals, and the API keys with which every caller proves itself.

Owns the tables ``merchant``, ``store``, ``terminal``, ``api_key`` and ``api_key_change``. A secret
is never stored, only its SHA-256; a revocation counts at once in the process that made it and
within one second in every other (``keyring``).
"""
