"""The sequence source under PyFlink's module name."""

from __future__ import annotations

from millstream.connectors.number_sequence_source import NumberSequenceSource

__all__ = ["NumberSequenceSource"]
