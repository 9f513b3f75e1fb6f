"""Proofs of items: a batch's root, made before anything is printed, and bundles that anybody can check.

A bundle is a file: the item with its way to the batch's root, its events with their ways into the log, and
the checkpoint that they lead to. ``rules`` judges one against what a chain says; it needs no database.
"""
