"""What every physical item is, where it has been and who may claim it: goods, events, log, scans.

Events are captured as they were told (EPCIS 2.0) and never changed; what contradicts itself is marked, not
refused. One item code earns at most once (INV-12), and the log over all events only grows (INV-15).
"""
