"""Points that become points of another programme: the mirror of their terms, and of ends of programmes."""
