"""What the back offices have in common: pages of blocks, and deeds, which are form and write in one."""
