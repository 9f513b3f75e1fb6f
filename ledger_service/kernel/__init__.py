"""Pure vocabulary of the house: ids, points, money, time, hashes, permits, operations and errors.

Nothing here reads a clock, a socket, an environment or a database; time, randomness and keys
come in as arguments, so every rule built on it can be tested by the thousand in a second.
"""
