"""Prize pools of batches: committed with the batch's root, drawn by a block nobody chose, opened at the end.

``rules`` is the whole draw, published: whoever has a pool's bundle and a chain recomputes it. What a prize
gives and takes back is the checkout's affair.
"""
