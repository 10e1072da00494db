"""Ports with patience: what can be repeated is, what is known to be away is left alone, and one bad text costs itself only."""

from syncd.adapters.patient.embedder import PatientEmbedder
from syncd.adapters.patient.index import PatientIndex
from syncd.adapters.patient.line import Line

__all__ = ["Line", "PatientEmbedder", "PatientIndex"]
