"""Sources: stores whose documents are kept in sync."""
