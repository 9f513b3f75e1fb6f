"""Codes: lists of what is printed or typed, made from a secret or taken over, and the root over each list.

No code is kept in clear. Codes of 80 random bits and more are kept by their plain hash, which nobody turns
back; shorter ones by a keyed hash, for a stolen table could be searched else. The root over a list's hashes
is announced before the list leaves the house, so nobody adds codes afterwards unseen.
"""
