"""Points that become points of another programme, by their member's will or because the programme ended.

Owns the mirrors ``conversion_terms`` and ``programme_end``, written as the index tells them, the rows of
``rest_conversion``, and the one entry of a conversion: points of the one redeemed and of the other issued,
both or neither (INV-1, INV-9).
"""
