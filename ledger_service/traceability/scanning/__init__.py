"""What a scan is answered with: one verdict, found in a fixed order, with the reasons that led to it."""
