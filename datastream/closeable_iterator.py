"""The results of ``execute_and_collect``, fetched while the job runs."""

from __future__ import annotations

import logging
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import TracebackType
from typing import Any

from millstream.common.errors import JobCancelledError, JobExecutionError, MillstreamError
from millstream.common.execution import JobClient
from millstream.common.ids import OperatorId

__all__ = ["CloseableIterator"]

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.1
_END_WAIT = timedelta(seconds=30)


class CloseableIterator:
    """Iterates over a stream's records as the job makes them. Closing it cancels the job if that has not ended.

    The job's sink keeps its results until they are asked for, so a program that iterates slowly slows the job down,
    and none that stops iterating leaves it running::

        with stream.execute_and_collect() as results:
            for value in results:
                ...

    :param client: the job.
    :param operator_id: the collecting sink.
    :param sleep: waits some seconds between two questions.
    """

    def __init__(self, client: JobClient, operator_id: OperatorId, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._operator_id = operator_id
        self._sleep = sleep
        self._attempt = ""
        self._results: deque[Any] = deque()
        # Results may be given out when a checkpoint covers them, if the job takes any.
        self._uncovered: deque[Any] = deque()
        self._received = 0
        self._handed_out = 0
        self._finished = False
        self._ended = False
        self._closed = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self._results:
            self._fetch()
            if not self._results:
                raise StopIteration
        self._handed_out += 1
        return self._results.popleft()

    def next(self) -> Any:
        """The next result.

        :raises StopIteration: there is none.
        :raises JobExecutionError: the job failed.
        """
        return self.__next__()

    def has_next(self) -> bool:
        """Wait until there is a next result or the job has ended."""
        if not self._results:
            self._fetch()
        return bool(self._results)

    def close(self) -> None:
        """End the job if it has not ended. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._results.clear()
        self._uncovered.clear()
        if self._ended:
            return
        try:
            if not self._client.get_job_status().is_globally_terminal():
                self._client.cancel()
                self._client.get_job_execution_result(_END_WAIT)
        except JobCancelledError:
            _LOG.debug("Job %s was cancelled because its results are not read any more", self._client.get_job_id())
        except (MillstreamError, TimeoutError, OSError) as error:
            _LOG.warning("Job %s, closed before its end: %s", self._client.get_job_id(), error)

    def __enter__(self) -> CloseableIterator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _fetch(self) -> None:
        """Wait for results, or for the end of the job.

        :raises JobExecutionError: the job failed.
        """
        pause = _FIRST_PAUSE
        while not (self._finished or self._closed):
            if self._take_what_is_there():
                return
            if not self._finished:
                self._sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        if self._finished and not self._ended:
            self._ended = True
            self._client.get_job_execution_result()

    def _take_what_is_there(self) -> bool:
        """Ask once; whether there were results."""
        try:
            answer = self._request()
        except JobExecutionError:
            raise
        except MillstreamError as error:
            # The sink is not there yet (the job starts or restarts), or not any more (the job has ended).
            _LOG.debug("No results yet: %s", error)
            self._finished = self._client.get_job_status().is_globally_terminal()
            return False
        attempt, offset, results, finished, covered = pickle.loads(answer)
        if attempt != self._attempt:
            self._go_on_with(attempt, offset, covered)
            return self._take_what_is_there()
        if offset > self._received:
            raise RuntimeError(
                f"results {self._received} to {offset - 1} of job {self._client.get_job_id()} are lost: the sink "
                "gives none before them"
            )
        fresh = results[self._received - offset :]
        self._uncovered.extend(fresh)
        self._received += len(fresh)
        released = self._received - len(self._uncovered)
        while self._uncovered and released < covered:
            self._results.append(self._uncovered.popleft())
            released += 1
        self._finished = finished
        if finished and fresh:
            self._acknowledge()
        return bool(self._results)

    def _go_on_with(self, attempt: str, offset: int, end: int) -> None:
        """The sink was started, perhaps once more: results from the number ``end`` on are made again.

        :raises MillstreamError: some of these were given out already.
        """
        released = self._received - len(self._uncovered)
        if not self._attempt:
            self._received = offset
        elif released <= end:
            while self._received > end:
                self._uncovered.pop()
                self._received -= 1
        elif not self._handed_out:
            self._results.clear()
            self._uncovered.clear()
            self._received = offset
        else:
            raise MillstreamError(
                f"job {self._client.get_job_id()} was restarted and makes its results anew, of which some were given "
                "out already; with checkpoints (env.enable_checkpointing(...)) each result is given out once"
            )
        self._attempt = attempt

    def _acknowledge(self) -> None:
        """Tell the sink that its last results have come, so that it need not keep them."""
        try:
            self._request()
        except MillstreamError as error:
            _LOG.debug("The sink has gone with its job: %s", error)

    def _request(self) -> bytes:
        request = self._received.to_bytes(8, "big") + self._attempt.encode()
        return self._client.send_operator_request(self._operator_id, 0, request)
