"""EPCIS 2.0 and CBV 2.0: names of things as one kind of URI, and the hash that identifies an event."""
