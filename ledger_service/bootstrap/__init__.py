"""Wiring: the one place that turns settings into engines, services and processes. It decides nothing."""
