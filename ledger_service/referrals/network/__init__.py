"""The micro-network: who brought whom, measured.

``graph`` holds ties as arrays, ``measures`` asks a compiled library (NetworKit), ``descent`` reads the forest
of attributions, ``influence`` weighs acts. Nothing here knows a database; members are numbers.
"""
