"""The micro-network: who brought whom, measured.

``graph`` holds ties as arrays, ``measures`` asks a compiled library (NetworKit), ``descent`` reads the forest
of attributions, ``influence`` weighs acts, ``report`` puts them together and ``pictures`` draws: none of
these knows a database, and members are numbers. ``service`` reads the facts and keeps what was measured;
``queries`` reads that without the library, so that a process which answers requests never loads it.
"""
