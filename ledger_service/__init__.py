"""Alliance Ledger: loyalty points that rival retailers share without trusting one of them."""
