"""What all connectors share, under PyFlink's module name."""

from __future__ import annotations

from enum import Enum

from millstream.datastream.sink import Sink
from millstream.datastream.source import Source

__all__ = ["DeliveryGuarantee", "Sink", "Source"]


class DeliveryGuarantee(Enum):
    """How often a record reaches an outside system when the job fails and starts again."""

    EXACTLY_ONCE = 0
    AT_LEAST_ONCE = 1
    NONE = 2
