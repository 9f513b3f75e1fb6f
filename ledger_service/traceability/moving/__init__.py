"""What events make of an item: its state follows from all that is told of it, in whatever order it is told.

An event that may not follow what came before it is kept as it was told, marked, and opens a case.
"""
