"""A page without its stamp: whoever comes to it next looks inside, although nothing at the source says that it changed."""

from dataclasses import replace

from syncd.ports import LedgerTx


def reopen(tx: LedgerTx, page: bytes) -> None:
    """Have a page looked into. Who takes a document off a page, or leaves one undone, owes this to it.

    A folder that is renamed there and back has the stamp that it had before: its documents must not have gone under that.
    """
    row = tx.page(page)
    if row is not None and row.stamp is not None:
        tx.put_page(replace(row, stamp=None))
