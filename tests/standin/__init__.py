"""A stand-in for a Qdrant server: the part of its REST API that syncd uses, over the embedded engine, on real sockets.

What it is good for: the real client sends real requests to it, which are read with the models that qdrant-client generates from
Qdrant's OpenAPI (an unknown field is refused where the API refuses it), and gets answers built with those models; and it fails
when it is told to (faults.py), on the connection, before or after a write was done.

What it is not: Qdrant. It says nothing about the consistency, ordering, replication, durability, limits or speed of a real
server, nothing about versions of Qdrant other than the one those models describe, and where the models leave open what a server
does (which status for what), it does what Qdrant's source and documentation say, not what a server was seen to do.
"""

from standin.faults import ALWAYS, Done, Fault, Kind, answers
from standin.server import StandIn

__all__ = ["ALWAYS", "Done", "Fault", "Kind", "StandIn", "answers"]
