"""Tries again what a store that is reached by a network did not do at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from millstream.common.file_system.failures import is_transient

__all__ = ["Retries"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and after which times.

    :ivar delays: seconds before each further try; each is lengthened by up to a half, so that not all tasks come back
        at the same moment.
    :ivar sleep: waits that many seconds.
    """

    delays: tuple[float, ...] = (0.1, 0.5, 2.0)
    sleep: Callable[[float], None] = time.sleep

    def run(self, operation: Callable[[], T]) -> T:
        """Return what ``operation`` returns at the first try that does not fail.

        :raises OSError: the last try's error, or one that no further try would mend.
        """
        for delay in self.delays:
            try:
                return operation()
            except OSError as error:
                if not is_transient(error):
                    raise
            self.sleep(delay * random.uniform(1.0, 1.5))
        return operation()
