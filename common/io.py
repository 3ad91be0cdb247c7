"""Input formats: what sources were in the oldest programs."""

from __future__ import annotations

__all__ = ["InputFormat"]


class InputFormat:
    """The base of PyFlink's input formats, each of which stands for a Java class. There are none here."""
