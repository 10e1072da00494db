"""Where checkpoints are kept out of the ledger, so that an older ledger is noticed."""
