"""Terms of pairs: what an issuer and one acceptor have for themselves in the place of the general terms.

Owns the mirror ``pair_terms``, written as the index tells it: whoever signed them and whoever relayed
them, they are known here days before they count (the registry's notice).
"""
