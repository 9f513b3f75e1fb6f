"""Products, their batches and items: the codes that each item carries, its hidden PIN, and its states.

``codes`` makes serials and PINs, ``rules`` says which state may follow which. An item is (GTIN, serial).
"""
