"""On which basis issuers settle, and what follows from it for each period, from the chain alone."""
