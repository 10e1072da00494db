"""What every engine knows about a collection: the names it may have, and which payload fields are indexed before ingest."""

import re

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
"""Collections and aliases: also a directory name that can't climb, and never a hidden one."""
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""Payload fields: dots and brackets would be paths to an engine."""
POINT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
POINT_NUMBER = re.compile(r"0|[1-9][0-9]{0,19}")
MAX_POINT_NUMBER = 2**64 - 1

KEYWORD_FIELDS = ("doc", "acl_class")
INTEGER_FIELDS = ("acl_version", "epoch")

MAX_INTEGER = 2**53 - 1
"""Engines compare ranges as doubles: beyond this two integers could look equal."""
