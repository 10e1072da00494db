"""A table, or what a query gives, as a source: a document is a row, a page is one of 4,096 shares of the keys."""

from syncd.adapters.sources.readers import ReaderColumn
from syncd.adapters.sources.sql.document import FORMATS, Layout
from syncd.adapters.sources.sql.source import SqlSource, dialect_of
from syncd.adapters.sources.sql.statements import Columns, Relation

__all__ = ["FORMATS", "Columns", "Layout", "ReaderColumn", "Relation", "SqlSource", "dialect_of"]
