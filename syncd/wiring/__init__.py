"""The composition root: the only place that knows every class."""

from syncd.wiring.install import Wiring

__all__ = ["Wiring"]
