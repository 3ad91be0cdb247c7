"""A task whose stacks are looked at: where its code may be, in its coroutine and in threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CoroutineType, FrameType
from typing import Any

from millstream.common.inspection.stack_frames import Waiting

__all__ = ["SampledTask", "SeenStack"]

_MAX_AWAITING = 100


@dataclass(frozen=True, slots=True)
class SeenStack:
    """A stack at one moment.

    :ivar frames: innermost first.
    """

    frames: list[FrameType]
    on_cpu: bool


@dataclass(frozen=True, slots=True)
class SampledTask:
    """An attempt that runs.

    :ivar coroutine: what the task is, on the slot's event loop.
    :ivar own_thread: gives the ident of the task's own thread, if it has one now.
    """

    attempt_id: str
    coroutine: CoroutineType[Any, Any, Any]
    own_thread: Callable[[], int | None]

    def look(self, loop_thread: int, stacks: Mapping[int, FrameType], waiting: Waiting) -> list[SeenStack]:
        """Return where the task is.

        :param stacks: the innermost frame of each thread.
        """
        seen: list[SeenStack] = []
        outermost = self.coroutine.cr_frame
        if outermost is None:  # the task has ended
            return seen
        frames = _from(stacks.get(loop_thread), outermost)
        if frames:
            seen.append(SeenStack(frames, on_cpu=not waiting.at(frames[0])))
        else:
            awaiting = _awaiting(self.coroutine)
            if awaiting:
                seen.append(SeenStack(awaiting, on_cpu=False))
        ident = self.own_thread()
        innermost = None if ident is None else stacks.get(ident)
        if innermost is not None:
            seen.append(SeenStack(_all_of(innermost), on_cpu=not waiting.at(innermost)))
        return seen


def _from(innermost: FrameType | None, outermost: FrameType) -> list[FrameType]:
    """The frames of a stack up to one; none if that is not there."""
    frames: list[FrameType] = []
    frame = innermost
    while frame is not None:
        frames.append(frame)
        if frame is outermost:
            return frames
        frame = frame.f_back
    return []


def _all_of(innermost: FrameType) -> list[FrameType]:
    frames: list[FrameType] = []
    frame: FrameType | None = innermost
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _awaiting(coroutine: object) -> list[FrameType]:
    """The frames of a coroutine that waits and of those that it waits for, innermost first."""
    frames: list[FrameType] = []
    while isinstance(coroutine, CoroutineType) and len(frames) < _MAX_AWAITING:
        if coroutine.cr_frame is not None:
            frames.append(coroutine.cr_frame)
        coroutine = coroutine.cr_await
    frames.reverse()
    return frames
