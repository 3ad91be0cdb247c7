"""How long stacks may be sampled, for who samples and for who waits for it."""

from __future__ import annotations

from typing import Final

from millstream.common.errors import MillstreamError
from millstream.common.wire.inspection_pb2 import SampleStacksRequest

__all__ = ["check_sampling", "longest_sampling_s"]

_LONGEST_S: Final = 300.0
_SLOWNESS: Final = 2.0
_GRACE_S: Final = 0.5


def check_sampling(request: SampleStacksRequest) -> None:
    """Refuse what makes no sense.

    :raises MillstreamError: there is nothing to do, or it would last too long.
    """
    if request.samples < 1 or request.interval_ms < 1:
        raise MillstreamError(
            f"Stacks cannot be sampled {request.samples} times every {request.interval_ms} ms: both are at least 1."
        )
    seconds = request.samples * request.interval_ms / 1000
    if seconds > _LONGEST_S:
        raise MillstreamError(
            f"Stacks sampled {request.samples} times every {request.interval_ms} ms would take {seconds:g} s; the most "
            f"is {_LONGEST_S:g} s. Mend: a lower rest.flamegraph.num-samples or rest.flamegraph.delay-between-samples."
        )


def longest_sampling_s(request: SampleStacksRequest) -> float:
    """Return after how many seconds a sampling ends with what there is, when its looks come late."""
    return request.samples * request.interval_ms / 1000 * _SLOWNESS + _GRACE_S
