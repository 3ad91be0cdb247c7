"""What a slot worker may take for itself where it runs.

In a process of its own it may do as it likes with the whole process. In a thread it shares the process with others, and
in a simulation it even shares the thread.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

from millstream.taskmanager.task.interrupt import UserCodeSection

__all__ = ["Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a slot worker runs.

    :ivar own_process: the process is the worker's: it may be forked, its garbage collector tuned, its working
        directory another one.
    :ivar inline: simple functions may be put into generated code, where no debugger finds them.
    :ivar section: tells others when user code runs.
    :ivar source: the randomness of the data plane; ``None``: the operating system's.
    """

    own_process: bool
    inline: bool
    section: UserCodeSection
    source: random.Random | None = None

    @classmethod
    def of_this_thread(cls) -> Surroundings:
        """The main thread belongs to a process of the worker's own; in any other it would be the user's."""
        own_process = threading.current_thread() is threading.main_thread()
        return cls(own_process, own_process, UserCodeSection.of_this_thread())
