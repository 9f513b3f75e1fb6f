"""The endpoints by subject: each module declares its routes and binds them to the services it is given."""
