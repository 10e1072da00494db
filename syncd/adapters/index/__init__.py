"""Engines of the vector index."""
