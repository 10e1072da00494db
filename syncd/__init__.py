"""syncd keeps a vector index fresh, permitted and provable."""

__version__ = "0.1.0"
