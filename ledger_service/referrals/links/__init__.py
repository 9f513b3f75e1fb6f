"""Share links, touches, and what binds a touch to a member before it buys.

Owns ``share_link``, ``share_holder``, ``share_touch``, ``share_bind``, ``share_commitment``, ``share_head``,
``share_tie`` and ``share_signal``. A touch holds nothing of a person: it is the visitor's own random number.
Who brought whom is committed, salted, in a chain of hashes at the moment it is known, so that nobody can tell
it otherwise later.
"""
