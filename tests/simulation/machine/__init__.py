"""The machine that the services run on in a simulation: time, mortal processes, the database, the writer."""
