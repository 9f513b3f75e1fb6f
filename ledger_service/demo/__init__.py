"""The main run and the benchmark: real purchases replayed against the running service over HTTP.

Owns the data set's adapter, the plan of the alliance, the simulated phones and tills, the replay, the report
and the benchmark. It knows the kernel and HTTP only: what a merchant's own programmer would have, and
nothing more, so it never reaches into a room or a table of the service.
"""
