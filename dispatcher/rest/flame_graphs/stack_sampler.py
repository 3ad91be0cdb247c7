"""Samples the stacks of a vertex's tasks when somebody looks at its flame graph, and keeps them for a while.

A sampling takes seconds: who asks meanwhile, and does not find an older one, is told to wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration, RestOptions, RpcOptions
from millstream.common.errors import MillstreamError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import SampleStacksRequest, StackSample
from millstream.dispatcher.rest.cluster import ClusterAccess

__all__ = ["SampledStacks", "SampledTasks", "StackSampler"]

logger = logging.getLogger(__name__)

_SLOWNESS: Final = 3
"""A TaskManager may take so many times as long as its samples should take."""


@dataclass(frozen=True, slots=True)
class SampledTasks:
    """Whose stacks are looked at.

    :ivar subtask: ``None``: all of the vertex.
    """

    job_id: str
    vertex_id: str
    subtask: int | None


@dataclass(frozen=True, slots=True)
class SampledStacks:
    """What was seen.

    :ivar end_ms: when the sampling ended.
    """

    end_ms: int
    samples: Sequence[StackSample]


@dataclass(slots=True)
class _Kept:
    asked_ms: int
    stacks: SampledStacks | None = None
    sampling: asyncio.Task[None] | None = None


class StackSampler:
    """Has at most one sampling of the same tasks under way, once every ``rest.flamegraph.refresh-interval``.

    What nobody has asked for during ``rest.flamegraph.cleanup-interval`` is forgotten.
    """

    def __init__(self, cluster: ClusterAccess, configuration: Configuration, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._refresh_ms = _milliseconds(configuration.get(RestOptions.FLAMEGRAPH_REFRESH_INTERVAL))
        self._cleanup_ms = _milliseconds(configuration.get(RestOptions.FLAMEGRAPH_CLEANUP_INTERVAL))
        self._samples = configuration.get(RestOptions.FLAMEGRAPH_NUM_SAMPLES)
        self._delay = configuration.get(RestOptions.FLAMEGRAPH_DELAY)
        self._depth = configuration.get(RestOptions.FLAMEGRAPH_STACK_DEPTH)
        self._timeout = self._samples * self._delay * _SLOWNESS + configuration.get(RpcOptions.ASK_TIMEOUT)
        self._kept: dict[SampledTasks, _Kept] = {}

    def sample(self, tasks: SampledTasks, attempts: Mapping[str, Sequence[str]]) -> SampledStacks | None:
        """Return the last samples of the tasks, and take new ones if these are old; ``None``: there are none yet.

        :param attempts: the ids of the tasks' running attempts, by the resource ids of their TaskManagers.
        """
        now_ms = self._clock.now_ms()
        self._forget_before(now_ms - self._cleanup_ms)
        kept = self._kept.setdefault(tasks, _Kept(now_ms))
        kept.asked_ms = now_ms
        is_old = kept.stacks is None or now_ms - kept.stacks.end_ms >= self._refresh_ms
        if is_old and kept.sampling is None and attempts:
            kept.sampling = asyncio.get_running_loop().create_task(
                self._sample(kept, attempts), name=f"sample the stacks of vertex {tasks.vertex_id}"
            )
        return kept.stacks

    async def close(self) -> None:
        """Break off what is under way."""
        tasks = [kept.sampling for kept in self._kept.values() if kept.sampling is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    async def _sample(self, kept: _Kept, attempts: Mapping[str, Sequence[str]]) -> None:
        try:
            summaries = {summary.resource_id: summary for summary in await self._cluster.task_managers()}
            parts = await asyncio.gather(
                *(
                    self._sample_on(summaries[resource_id], attempt_ids)
                    for resource_id, attempt_ids in attempts.items()
                    if resource_id in summaries
                )
            )
            samples = [sample for part in parts for sample in part]
            if samples:
                kept.stacks = SampledStacks(self._clock.now_ms(), samples)
        except MillstreamError as error:
            logger.warning("No stacks were sampled: %s", error)
        finally:
            kept.sampling = None

    async def _sample_on(self, summary: pb.TaskManagerSummary, attempt_ids: Sequence[str]) -> list[StackSample]:
        request = SampleStacksRequest(
            attempt_ids=attempt_ids,
            samples=self._samples,
            interval_ms=_milliseconds(self._delay),
            max_depth=self._depth,
        )
        try:
            answer = await self._cluster.task_executor_of(summary, self._timeout).sample_stacks(request)
        except MillstreamError as error:  # the flame graph is of the others then
            logger.warning("No stacks were sampled on TaskManager %s: %s", summary.resource_id, error)
            return []
        return [sample for attempt in answer.attempts for sample in attempt.samples]

    def _forget_before(self, oldest_kept_ms: int) -> None:
        for tasks, kept in list(self._kept.items()):
            if kept.asked_ms < oldest_kept_ms and kept.sampling is None:
                del self._kept[tasks]


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
