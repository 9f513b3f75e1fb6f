"""Cases of items: what an alert found, who looks into it, how it ended; one open case for each cause."""
