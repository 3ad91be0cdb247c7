"""The sequence source under PyFlink's module name."""

from __future__ import annotations

from millstream.common.borrowed_names import borrowed_names
from millstream.connectors.number_sequence_source import NumberSequenceSource

__all__ = ["NumberSequenceSource"]

__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.datastream.source": "Source",
    },
)
