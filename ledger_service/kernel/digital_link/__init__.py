"""GS1 Digital Link 1.6: URIs that carry GS1 keys, read strictly and written in one way.

``identifiers`` knows the application identifiers and what their values may be, ``parsing`` reads a URI,
``building`` writes one. Pure: nothing here knows which codes were ever given out.
"""
