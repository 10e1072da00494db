"""The sync history: a log that can be checked by someone who trusts nobody here (audit.md)."""
