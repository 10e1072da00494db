"""Use cases that change the index: observe, apply, settle, run."""
