"""Which consumers read from which producers over one edge, and through which subpartition.

Two patterns, as in Flink: *pointwise* for FORWARD and RESCALE, where neighbours are joined, and *all to all* for
everything else. A producing subtask has one subpartition for each consumer it is joined to.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from millstream.common.errors import MillstreamError

__all__ = ["Channel", "DistributionPattern", "EdgeWiring", "pattern_of"]


class DistributionPattern(Enum):
    """How the subtasks at the two ends of an edge are joined."""

    ALL_TO_ALL = "ALL_TO_ALL"
    POINTWISE = "POINTWISE"


_PATTERNS = {
    "FORWARD": DistributionPattern.POINTWISE,
    "RESCALE": DistributionPattern.POINTWISE,
    "HASH": DistributionPattern.ALL_TO_ALL,
    "REBALANCE": DistributionPattern.ALL_TO_ALL,
    "SHUFFLE": DistributionPattern.ALL_TO_ALL,
    "BROADCAST": DistributionPattern.ALL_TO_ALL,
    "GLOBAL": DistributionPattern.ALL_TO_ALL,
    "CUSTOM": DistributionPattern.ALL_TO_ALL,
    "SPLITS": DistributionPattern.ALL_TO_ALL,
}


def pattern_of(partitioner_kind: str) -> DistributionPattern:
    """Return the pattern of a partitioner.

    :raises MillstreamError: there is no such partitioner.
    """
    try:
        return _PATTERNS[partitioner_kind]
    except KeyError:
        raise MillstreamError(
            f"the JobGraph has an edge with the unknown partitioner {partitioner_kind!r}; known are "
            f"{', '.join(sorted(_PATTERNS))}. Client and cluster may be of different versions."
        ) from None


class Channel(NamedTuple):
    """What a consumer reads: ``subpartition`` of the producer's subtask ``producer``."""

    producer: int
    subpartition: int


class EdgeWiring:
    """The channels of one edge."""

    __slots__ = ("_channels", "_consumers")

    def __init__(self, pattern: DistributionPattern, producers: int, consumers: int) -> None:
        self._consumers = _consumers_of_producers(pattern, producers, consumers)
        self._channels: list[list[Channel]] = [[] for _ in range(consumers)]
        for producer, readers in enumerate(self._consumers):
            for subpartition, consumer in enumerate(readers):
                self._channels[consumer].append(Channel(producer, subpartition))

    def channels_of_consumer(self, consumer: int) -> list[Channel]:
        """What the subtask ``consumer`` reads, by producer."""
        return self._channels[consumer]

    def consumers_of_producer(self, producer: int) -> range:
        """Who reads from the subtask ``producer``: the i-th reads its subpartition i."""
        return self._consumers[producer]


def _consumers_of_producers(pattern: DistributionPattern, producers: int, consumers: int) -> list[range]:
    if pattern is DistributionPattern.ALL_TO_ALL:
        return [range(consumers)] * producers
    if producers >= consumers:
        # Consumer c reads the producers from c * P // C up to (c + 1) * P // C.
        result = []
        consumer = 0
        for producer in range(producers):
            while producer >= (consumer + 1) * producers // consumers:
                consumer += 1
            result.append(range(consumer, consumer + 1))
        return result
    # Producer p feeds the consumers from ceil(p * C / P) up to ceil((p + 1) * C / P).
    bounds = [(producer * consumers + producers - 1) // producers for producer in range(producers + 1)]
    return [range(bounds[producer], bounds[producer + 1]) for producer in range(producers)]
