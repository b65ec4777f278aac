"""An AWS account on loopback in which jobs really train a small stand-in model, for rehearsal and for tests.

Requests go to our own services first and to moto for the rest. Resources live in the memory of one process of their own: they survive a
restart of the MCP server, and end with that process. A process started over the same folder again is a fresh account with a new `life` id;
only checkpoints in the escrow folder outlast it. Nothing of an earlier life can therefore seem to be running.

The endpoint listens on 127.0.0.1 and refuses web pages, but whoever may open a connection to loopback on this machine may use it, and
Lambda functions run with the rights of the user who started it.
"""
