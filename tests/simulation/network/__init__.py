"""A network of one node over the model: blocks, pool, reorganisations, restarts, JSON-RPC, and a wire that
fails."""
