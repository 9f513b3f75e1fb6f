"""What the back offices have in common: pages of blocks, and deeds that are form and write in one declaration."""
