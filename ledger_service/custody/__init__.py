"""Custody: the only process that holds private keys, and the port through which others ask it to sign.

It signs what it can read (slices, permits, grants, terms), never a blind hash except a chain
transaction of its two sending keys, and counts what custodial members may spend per permit and day
(D1). It knows the kernel and nothing else of the house, so a KMS or HSM can take its place.
"""
