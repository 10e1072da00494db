"""The ledger on SQLAlchemy Core."""

from syncd.adapters.ledger.ledger import SqlLedger

__all__ = ["SqlLedger"]
