"""Adapters: the world behind the ports; one source, extractor, embedder, engine a file."""
