"""GS1 company prefixes that are allotted to merchants: whose a GTIN is, as far as the alliance has been told.

No two allotments overlap. A GTIN under nobody's prefix is free: the first merchant that registers it has it.
"""
