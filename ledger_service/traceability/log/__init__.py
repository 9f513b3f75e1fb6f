"""The log over all events (RFC 9162) and other rooms' words; its leaves are the stored bytes in their order.

Both get gapless numbers as they come; bounded steps of the bridge then take them into the tree and
make checkpoints, which go to the TransparencyLog contract. Whoever changes an event behind that changes its
leaf, and no proof leads to the checkpoint any more.
"""
