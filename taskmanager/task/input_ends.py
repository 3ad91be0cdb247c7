"""Whether a task's input has ended, and how.

Each producer says ``EndOfData`` once, and with it whether its data came to an end or was merely stopped; the channel
stays open behind it for barriers, until ``EndOfPartition``. Pure.
"""

from __future__ import annotations

__all__ = ["InputEnds"]


class InputEnds:
    """The ends of a task's channels.

    :ivar drained: no channel was merely stopped.
    """

    __slots__ = ("_open", "drained")

    def __init__(self, channels: int) -> None:
        self._open = set(range(channels))
        self.drained = True

    @property
    def all(self) -> bool:
        """There is no more data on any channel."""
        return not self._open

    def on_end(self, channel: int, *, drain: bool = True) -> bool:
        """A channel has no more data; False: that was known.

        :param drain: its data came to its end. A channel that ends without a word did.
        """
        if channel not in self._open:
            return False
        self._open.remove(channel)
        self.drained = self.drained and drain
        return True
