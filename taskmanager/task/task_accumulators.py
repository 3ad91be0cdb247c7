"""What the accumulators of a task hold, as its reports tell it.

While the task runs that comes with its other totals each second, so there is little room for it; its last report has
more. Whatever is wrong with one accumulator is told in its place: neither the task nor another accumulator suffers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cloudpickle

from millstream.common.accumulators import Accumulator
from millstream.common.accumulators.wire_form import encode, shown
from millstream.common.failure import USER_CODE, FailureInfo, engine_failure
from millstream.common.wire.cluster_pb2 import AccumulatorValue
from millstream.taskmanager.operators.accumulator_registry import AccumulatorRegistry
from millstream.taskmanager.operators.operator import TaskInfo

__all__ = ["MAX_ACCUMULATOR_BYTES", "MAX_RUNNING_BYTES", "MAX_TASK_BYTES", "TaskAccumulators"]

MAX_ACCUMULATOR_BYTES: Final = 1 << 20
"""The most that one accumulator of a task may have in the end."""
MAX_TASK_BYTES: Final = 4 << 20
"""The most that all accumulators of a task may have in the end."""
MAX_RUNNING_BYTES: Final = 64 << 10
"""The most that all accumulators of a task may have in one of the reports before the last."""


class TaskAccumulators:
    """Of one attempt of a task.

    :param registries: one for each of its operators; there may come more.
    """

    def __init__(self, registries: Sequence[AccumulatorRegistry], task: TaskInfo) -> None:
        self._registries = registries
        self._task = task
        self._held_back: set[tuple[int, str]] = set()
        """Too large for the reports of a running task: they are not looked at again before the last one."""

    def __bool__(self) -> bool:
        return any(self._registries)

    def values(self, *, final: bool) -> list[AccumulatorValue]:
        """Return the accumulators as they stand.

        :param final: the task has ended.
        """
        values: list[AccumulatorValue] = []
        left = MAX_TASK_BYTES if final else MAX_RUNNING_BYTES
        for number, registry in enumerate(self._registries):
            for name, accumulator in registry.items():
                if (number, name) in self._held_back and not final:
                    value = self._without_value(registry, name, accumulator, _HELD_BACK)
                else:
                    value = self._value(registry, name, accumulator)
                    size = value.ByteSize()
                    if final and size > MAX_ACCUMULATOR_BYTES:
                        message = _TOO_LARGE.format(size=size, limit=MAX_ACCUMULATOR_BYTES, whose="accumulator")
                        value = self._without_value(registry, name, accumulator, message)
                    elif size > left:
                        self._held_back.add((number, name))
                        message = _TOO_LARGE.format(size=size, limit=MAX_TASK_BYTES, whose="task's accumulators")
                        value = self._without_value(registry, name, accumulator, message if final else _HELD_BACK)
                    else:
                        left -= size
                values.append(value)
        return values

    def _value(self, registry: AccumulatorRegistry, name: str, accumulator: Accumulator[Any, Any]) -> AccumulatorValue:
        try:
            value = encode(name, accumulator)
            if value is None:
                value = AccumulatorValue(
                    name=name, type=type(accumulator).__name__, pickled=cloudpickle.dumps(accumulator, protocol=5)
                )
                if len(value.pickled) <= MAX_ACCUMULATOR_BYTES:
                    value.text = shown(accumulator.get_local_value())
        except Exception as error:  # noqa: BLE001  # user code may raise anything; told in place of the value
            return self._without_value(registry, name, accumulator, str(error), type(error).__qualname__)
        return value

    def _without_value(
        self,
        registry: AccumulatorRegistry,
        name: str,
        accumulator: Accumulator[Any, Any],
        problem: str,
        exception_type: str = "",
    ) -> AccumulatorValue:
        message = f"accumulator {name!r} ({type(accumulator).__name__}) cannot be told: {problem}"
        failure: FailureInfo = engine_failure(USER_CODE, message, exception_type=exception_type)
        failure.operator_name = registry.operator_name
        failure.subtask_index = self._task.subtask_index
        failure.parallelism = self._task.parallelism
        return AccumulatorValue(name=name, type=type(accumulator).__name__, failure=failure)


_HELD_BACK: Final = (
    f"while the task runs, its accumulators have {MAX_RUNNING_BYTES} bytes; the value comes when the task has ended"
)
_TOO_LARGE: Final = (
    "it has {size} bytes, and the limit per {whose} is {limit}: accumulate less, and write large results to a sink"
)
