"""Records that wait until the input has ended, to be processed key by key and in the order of their timestamps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from millstream.common.key_groups import key_group
from millstream.common.records import MIN_TIMESTAMP
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.operator_states import OperatorStates

__all__ = ["KeySortedRecords"]

_NAME = " waiting"


class KeySortedRecords:
    """The records of a batch job by key."""

    __slots__ = ("_records", "_stamped", "_states")

    def __init__(self, states: OperatorStates) -> None:
        self._states = states
        self._records: dict[Any, tuple[list[Any], list[int | None]]] = {}
        self._stamped = False

    def add(self, keys: list[Any], values: list[Any], timestamps: list[int | None] | None) -> None:
        """Add records. Those without a timestamp come before those with one."""
        records = self._records
        if timestamps is not None:
            self._stamped = True
        stamps = timestamps or [None] * len(values)
        for key, value, timestamp in zip(keys, values, stamps, strict=True):
            found = records.get(key)
            if found is None:
                found = records[key] = ([], [])
            found[0].append(value)
            found[1].append(timestamp)

    def drain(self) -> Iterator[tuple[Any, list[Any], list[int | None] | None]]:
        """Take out key after key: its records sorted by timestamp; those with the same one stay in their order."""
        records, stamped = self._records, self._stamped
        self._records, self._stamped = {}, False
        for key in list(records):
            values, timestamps = records.pop(key)
            if not stamped:
                yield key, values, None
                continue
            # One below all that can be a timestamp.
            order = [MIN_TIMESTAMP - 1 if timestamp is None else timestamp for timestamp in timestamps]
            places = sorted(range(len(order)), key=order.__getitem__)
            yield key, [values[place] for place in places], [timestamps[place] for place in places]

    def snapshot(self) -> None:
        """Put all that waits into the operator's state."""
        items = [
            (key, values, timestamps if self._stamped else None) for key, (values, timestamps) in self._records.items()
        ]
        self._states.operator().put_items(_NAME, items, OperatorStateMode.UNION)

    def initialize(self) -> None:
        """Go on with what was restored for the subtask's own keys."""
        settings = self._states.settings
        for key, values, timestamps in self._states.operator().items(_NAME) or ():
            if key_group(key, settings.max_parallelism) in settings.key_groups:
                self.add([key] * len(values), values, timestamps)
