"""Extractors: bytes to text."""
