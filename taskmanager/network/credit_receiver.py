"""The receiving side of one input gate: whose sender may use which of the gate's buffers.

Every remote channel has ``exclusive`` buffers of its own, so none can starve; ``floating`` ones belong to the gate and
go, one by one and in turn, to the channels whose senders have announced a backlog. A buffer that is reserved is a
credit at the sender; one that holds data is given back when the task has taken the data. Pure: no I/O, no clock.

At all times ``free floating + sum over channels (credit + held) == exclusive * open channels + floating``, which is
why memory cannot grow with the lag.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["BufferUsage", "CreditReceiver", "CreditViolationError", "Grant"]


class CreditViolationError(Exception):
    """A sender sent more than it was allowed to."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Tell the sender of ``channel`` that it may send ``credit`` more buffers."""

    channel: int
    credit: int


@dataclass(frozen=True, slots=True)
class BufferUsage:
    """Of the buffers of a gate.

    :ivar exclusive: those of single channels.
    :ivar floating: those that all channels share.
    :ivar held: those that hold data.
    :ivar exclusive_held: those of single channels that hold data.
    :ivar floating_given: shared ones that some channel has, for data that it holds or awaits.
    """

    exclusive: int
    floating: int
    held: int
    exclusive_held: int
    floating_given: int


@dataclass(slots=True)
class _Channel:
    credit: int  # reserved, and not filled yet
    held: int = 0  # filled, and not given back yet
    floating: int = 0  # how many of credit + held are the gate's
    backlog: int = 0  # last announced by the sender
    waiting: bool = False  # is in the queue for floating buffers


class CreditReceiver:
    """Accounts for the buffers of one gate."""

    __slots__ = ("_channels", "_exclusive", "_floating", "_free", "_waiting")

    def __init__(self, exclusive: int, floating: int) -> None:
        """
        :param exclusive: buffers of each channel, at least 1.
        :param floating: buffers that all channels share.
        """
        if exclusive < 1 or floating < 0:
            raise ValueError(f"a channel needs at least one buffer of its own: exclusive={exclusive}, {floating=}")
        self._exclusive = exclusive
        self._floating = floating
        self._free = floating
        self._channels: dict[int, _Channel] = {}
        self._waiting: deque[int] = deque()

    @property
    def free_floating(self) -> int:
        """Floating buffers that no channel has."""
        return self._free

    @property
    def open_channels(self) -> int:
        """Channels that hold buffers."""
        return len(self._channels)

    def buffers_of(self, channel: int) -> tuple[int, int]:
        """Return (credit at the sender, buffers that hold data) of a channel; zeros if it is not open."""
        state = self._channels.get(channel)
        return (state.credit, state.held) if state is not None else (0, 0)

    def usage(self) -> BufferUsage:
        """How many of the buffers there are, and how many are in use."""
        states = self._channels.values()
        held = sum(state.held for state in states)
        # Held buffers count as the channel's own first: floating ones are what it needs beyond them.
        own_held = sum(min(state.held, self._exclusive) for state in states)
        return BufferUsage(self._exclusive * len(states), self._floating, held, own_held, self._floating - self._free)

    def audit(self) -> list[str]:
        """Return what is wrong with the account, in words; nothing ever should be."""
        used = sum(state.credit + state.held for state in self._channels.values())
        own = self._exclusive * len(self._channels)
        found = []
        if self._free + used != own + self._floating:
            found.append(f"{self._free} buffers are free and {used} in use, of {own} + {self._floating}")
        found += [
            f"channel {channel}: {state.credit} credit, {state.held} held, {state.floating} of them floating"
            for channel, state in self._channels.items()
            if min(state.credit, state.held, state.floating) < 0
        ]
        return found

    def open_channel(self, channel: int) -> int:
        """Reserve the channel's exclusive buffers; return the initial credit."""
        if channel in self._channels:
            raise ValueError(f"channel {channel} is open already")
        self._channels[channel] = _Channel(self._exclusive)
        return self._exclusive

    def on_buffer(self, channel: int, backlog: int) -> list[Grant]:
        """A buffer came, with ``backlog`` more ready at its sender.

        :raises CreditViolationError: the sender had no credit.
        """
        state = self._channels.get(channel)
        if state is None:
            return []  # closed meanwhile
        if state.credit < 1:
            raise CreditViolationError(f"a buffer came on channel {channel} whose sender has no credit")
        state.credit -= 1
        state.held += 1
        state.backlog = backlog
        return self._spread(channel, state)

    def on_consumed(self, channel: int) -> list[Grant]:
        """The task has taken the data of one of the channel's buffers: the buffer is free again."""
        state = self._channels.get(channel)
        if state is None:
            return []
        if state.held < 1:
            raise ValueError(f"channel {channel} holds no buffer that could be given back")
        state.held -= 1
        if state.floating:
            state.floating -= 1
            self._free += 1
            return self._spread(channel, state)
        state.credit += 1
        return [Grant(channel, 1)]

    def close_channel(self, channel: int) -> list[Grant]:
        """The channel has ended, in whatever way: others may have its floating buffers."""
        state = self._channels.pop(channel, None)
        if state is None:
            return []
        self._free += state.floating
        return self._spread(channel, None)

    def _spread(self, channel: int, state: _Channel | None) -> list[Grant]:
        """Give free floating buffers, one each in turn, to the channels that have more to come than credit."""
        waiting = self._waiting
        if state is not None and not state.waiting and state.credit < state.backlog:
            state.waiting = True
            waiting.append(channel)
        granted: dict[int, int] = {}
        while self._free and waiting:
            candidate = waiting.popleft()
            taker = self._channels.get(candidate)
            if taker is None:
                continue
            if taker.credit >= taker.backlog:
                taker.waiting = False
                continue
            self._free -= 1
            taker.floating += 1
            taker.credit += 1
            granted[candidate] = granted.get(candidate, 0) + 1
            waiting.append(candidate)
        return [Grant(taker_channel, credit) for taker_channel, credit in granted.items()]
