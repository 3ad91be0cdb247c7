"""The end of a stream, for its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.datastream.operator_settings import OperatorSettings

if TYPE_CHECKING:
    from millstream.datastream.slot_sharing_group import SlotSharingGroup
    from millstream.datastream.transformation import OperatorTransformation

__all__ = ["DataStreamSink"]


class DataStreamSink:
    """A handle on a sink."""

    def __init__(self, transformation: OperatorTransformation) -> None:
        self._transformation = transformation
        self._settings = OperatorSettings(transformation)

    def name(self, name: str) -> DataStreamSink:
        """Name the sink."""
        self._settings.name(name)
        return self

    def uid(self, uid: str) -> DataStreamSink:
        """Give the sink an id that stays when the program changes."""
        self._settings.uid(uid)
        return self

    def set_uid_hash(self, uid_hash: str) -> DataStreamSink:
        """Give the sink's id itself: 32 hexadecimal digits."""
        self._settings.set_uid_hash(uid_hash)
        return self

    def set_parallelism(self, parallelism: int) -> DataStreamSink:
        """Set how many subtasks the sink has."""
        self._settings.set_parallelism(parallelism)
        return self

    def set_max_parallelism(self, max_parallelism: int) -> DataStreamSink:
        """Set the bound of the sink's parallelism."""
        self._settings.set_max_parallelism(max_parallelism)
        return self

    def set_description(self, description: str) -> DataStreamSink:
        """Describe the sink, at more length than its name."""
        self._settings.set_description(description)
        return self

    def disable_chaining(self) -> DataStreamSink:
        """Do not chain the sink to what comes before it."""
        self._settings.disable_chaining()
        return self

    def slot_sharing_group(self, slot_sharing_group: str | SlotSharingGroup) -> DataStreamSink:
        """Put the sink into a slot sharing group."""
        self._settings.slot_sharing_group(slot_sharing_group)
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a DataStreamSink is a part of the program: it cannot be used inside a function")
