"""The pure core: what is, what should be, and the difference. Standard library only, no I/O, no clock, no randomness."""
