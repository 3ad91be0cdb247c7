"""What a program says about timestamps and watermarks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, cast

from millstream.common.required_arguments import required_arguments
from millstream.common.time import Duration, Time, milliseconds_of
from millstream.common.watermark_strategy.ascending_timestamps_watermarks import AscendingTimestampsWatermarks
from millstream.common.watermark_strategy.bounded_out_of_orderness_watermarks import BoundedOutOfOrdernessWatermarks
from millstream.common.watermark_strategy.no_watermarks_generator import NoWatermarksGenerator
from millstream.common.watermark_strategy.timestamp_assigner import TimestampAssigner
from millstream.common.watermark_strategy.watermark_alignment import WatermarkAlignment
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_generator_supplier import (
    WatermarkGeneratorContext,
    WatermarkGeneratorSupplier,
)

__all__ = ["WatermarkStrategy"]

_DEFAULT_UPDATE_INTERVAL = Duration.of_seconds(1)


class WatermarkStrategy:
    """How records get their timestamps, and how the watermarks follow from them.

    One of the static methods says how watermarks are made; the ``with_`` methods add to it and return a new strategy.
    A subclass may define :meth:`create_watermark_generator` and :meth:`create_timestamp_assigner` instead.
    """

    # Defaults of the class, so that a subclass need not call this constructor.
    _supplier: WatermarkGeneratorSupplier | Callable[..., WatermarkGenerator] | WatermarkGenerator | None = None
    _timestamp_assigner: Any = None
    _idle_timeout: Duration | Time | timedelta | None = None
    _alignment: WatermarkAlignment | None = None

    @staticmethod
    def no_watermarks() -> WatermarkStrategy:
        """No watermarks but the one at the end of the input."""
        return _made_by(NoWatermarksGenerator)

    @staticmethod
    def for_monotonous_timestamps() -> WatermarkStrategy:
        """For timestamps that never go back in any one subtask: watermarks 1 ms behind the highest one."""
        return _made_by(AscendingTimestampsWatermarks)

    @staticmethod
    def for_bounded_out_of_orderness(max_out_of_orderness: Duration | Time | timedelta) -> WatermarkStrategy:
        """For timestamps that are at most so far behind the highest one seen before.

        :raises ValueError: the bound is negative.
        """
        BoundedOutOfOrdernessWatermarks(max_out_of_orderness)  # so that what is wrong shows here
        return _made_by(partial(BoundedOutOfOrdernessWatermarks, max_out_of_orderness))

    @staticmethod
    def for_generator(
        generator: WatermarkGenerator | WatermarkGeneratorSupplier | Callable[..., WatermarkGenerator],
    ) -> WatermarkStrategy:
        """For watermarks of one's own making.

        :param generator: a ``WatermarkGenerator``, of which each subtask gets a copy; or a class or function that
            makes one, with no argument or with the :class:`WatermarkGeneratorContext`; or a
            ``WatermarkGeneratorSupplier``.
        :raises TypeError: it is none of these.
        """
        if not callable(generator) and not _is_generator(generator) and not _is_supplier(generator):
            raise TypeError(
                "for_generator() takes a WatermarkGenerator, or a class or function that makes one, not "
                f"{generator!r} of type {type(generator).__name__}"
            )
        return _made_by(generator)

    def with_timestamp_assigner(self, timestamp_assigner: TimestampAssigner | Callable[..., int]) -> WatermarkStrategy:
        """Add where the timestamps come from; without it records keep those that they have.

        The strategy itself takes the assigner over too, as PyFlink's does: some programs do not use what is returned.

        :param timestamp_assigner: a ``TimestampAssigner``, or a function of the record, or of the record and its
            timestamp so far, that returns the timestamp in ms.
        :raises TypeError: it is none of these.
        """
        check_timestamp_assigner(timestamp_assigner, "with_timestamp_assigner")
        self._timestamp_assigner = timestamp_assigner
        return copy.copy(self)

    def with_idleness(self, idle_timeout: Duration | Time | timedelta) -> WatermarkStrategy:
        """Add that a subtask without a record for so long is idle: those downstream do not wait for its watermarks.

        :raises ValueError: the timeout is not positive.
        """
        if milliseconds_of(idle_timeout) <= 0:
            raise ValueError(f"the idle timeout must be positive, not {idle_timeout!r}")
        strategy = copy.copy(self)
        strategy._idle_timeout = idle_timeout
        return strategy

    def with_watermark_alignment(
        self,
        watermark_group: str,
        max_allowed_watermark_drift: Duration | Time | timedelta,
        update_interval: Duration | Time | timedelta | None = None,
    ) -> WatermarkStrategy:
        """Add that a source waits while its watermark is ahead of the slowest one of its group by more than the drift.

        It holds for sources (``from_source``), among those subtasks of the group that run in the same slot. A source
        that is idle or has ended holds nobody back.

        :param update_interval: how often a source that waits looks whether it may go on; default: 1 s.
        :raises ValueError: the drift is negative, or the interval not positive.
        """
        if not isinstance(watermark_group, str):
            raise TypeError(f"a watermark group is named by a text, not {watermark_group!r}")
        drift = milliseconds_of(max_allowed_watermark_drift)
        interval = milliseconds_of(_DEFAULT_UPDATE_INTERVAL if update_interval is None else update_interval)
        if drift < 0:
            raise ValueError(f"the drift of watermarks cannot be negative: {max_allowed_watermark_drift!r}")
        if interval <= 0:
            raise ValueError(f"the interval of updates must be positive, not {update_interval!r}")
        strategy = copy.copy(self)
        strategy._alignment = WatermarkAlignment(watermark_group, drift, interval)
        return strategy

    def create_watermark_generator(self, context: WatermarkGeneratorContext) -> WatermarkGenerator:
        """Make the generator of one subtask. Called by the engine; idleness is added to it."""
        supplier = self._supplier
        if supplier is None:
            raise NotImplementedError(f"{type(self).__name__} must define create_watermark_generator(context)")
        if _is_supplier(supplier):
            made: Any = supplier.create_watermark_generator(context)  # type: ignore[union-attr]  # just found out
        elif _is_generator(supplier) and not isinstance(supplier, type):
            return supplier  # type: ignore[return-value]  # just found out; each subtask has unpickled its own
        else:
            make = cast("Callable[..., Any]", supplier)
            made = make(context) if required_arguments(make) else make()
        if not _is_generator(made):
            raise TypeError(f"{supplier!r} is to make a WatermarkGenerator, but made {made!r}")
        generator: WatermarkGenerator = made
        return generator

    def create_timestamp_assigner(self) -> TimestampAssigner | Callable[..., int] | None:
        """What gives a subtask's records their timestamps; ``None``: they keep their own. Called by the engine."""
        assigner: TimestampAssigner | Callable[..., int] | None = self._timestamp_assigner
        return assigner

    def get_idle_timeout(self) -> Duration | Time | timedelta | None:
        """``None``: the stream is never taken for idle."""
        return self._idle_timeout

    def get_alignment(self) -> WatermarkAlignment | None:
        """``None``: the source does not wait for others."""
        return self._alignment

    def changes_nothing(self) -> bool:
        """Whether a stream is the same with this strategy as without one."""
        return (
            type(self) is WatermarkStrategy
            and self._supplier is NoWatermarksGenerator
            and self._timestamp_assigner is None
            and self._idle_timeout is None
        )


def check_timestamp_assigner(given: Any, method: str) -> None:
    """Accept what can give timestamps.

    :raises TypeError: it cannot.
    """
    is_class = isinstance(given, type)
    if is_class and callable(getattr(given, "extract_timestamp", None)):
        raise TypeError(
            f"{method}() takes an object and not a class; pass an instance: {method}({given.__name__}(...))"
        )
    if not callable(getattr(given, "extract_timestamp", None)) and not callable(given):
        raise TypeError(
            f"{method}() takes a TimestampAssigner or a function that returns the timestamp of a record in ms, not "
            f"{given!r} of type {type(given).__name__}"
        )


def _made_by(
    supplier: WatermarkGeneratorSupplier | Callable[..., WatermarkGenerator] | WatermarkGenerator,
) -> WatermarkStrategy:
    strategy = WatermarkStrategy()
    strategy._supplier = supplier
    return strategy


def _is_generator(given: Any) -> bool:
    return callable(getattr(given, "on_event", None)) and callable(getattr(given, "on_periodic_emit", None))


def _is_supplier(given: Any) -> bool:
    return callable(getattr(given, "create_watermark_generator", None)) and not isinstance(given, type)
