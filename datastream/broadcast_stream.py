"""A stream whose records come to every subtask, to be kept there in broadcast state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from millstream.datastream.call_site import call_site

if TYPE_CHECKING:
    from millstream.datastream.data_stream import DataStream
    from millstream.datastream.state import MapStateDescriptor

__all__ = ["BroadcastStream"]


class BroadcastStream:
    """What ``broadcast`` with state descriptors gives. All that can be done with it is to connect another stream to it.

    :ivar input_stream: the stream, which is broadcast already.
    :ivar broadcast_state_descriptors: the states that functions may keep its records in.
    """

    def __init__(self, input_stream: DataStream, broadcast_state_descriptors: Sequence[MapStateDescriptor]) -> None:
        """
        :raises TypeError: a descriptor is not a ``MapStateDescriptor``.
        :raises ValueError: two descriptors have the same name.
        """
        from millstream.datastream.state import MapStateDescriptor

        names = set()
        for descriptor in broadcast_state_descriptors:
            if not isinstance(descriptor, MapStateDescriptor):
                raise TypeError(
                    f"{call_site()}: broadcast() takes MapStateDescriptors, for broadcast state is a map, not "
                    f"{descriptor!r}"
                )
            name = descriptor.get_name()
            if name in names:
                raise ValueError(f"{call_site()}: two broadcast states of the same name {name!r}")
            names.add(name)
        self.input_stream = input_stream
        self.broadcast_state_descriptors = list(broadcast_state_descriptors)
