"""Runs a piece of a program without a cluster, under a test's control: elements in, watermarks in, time by hand.

Flink has a class for each kind of operator (``OneInputStreamOperatorTestHarness``, ``KeyedTwoInput...`` and so on),
because its operators are made by hand there. Here the piece is written as it stands in the program, with the
DataStream API, so one class serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from millstream.common.config import StateOptions
from millstream.common.records import RecordBatch, Watermark, WatermarkStatus
from millstream.datastream.execution_mode import RuntimeExecutionMode
from millstream.datastream.output_tag import OutputTag
from millstream.testing.harness_contents import contents_of
from millstream.testing.harness_fragment import build_fragment
from millstream.testing.harness_output import OutputElement
from millstream.testing.harness_pipeline import HarnessPipeline, HarnessSettings
from millstream.testing.harness_snapshot import join_snapshots

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation

__all__ = ["OperatorHarness"]


class OperatorHarness:
    """Runs the operators of a fragment in the calling thread. Use it in a ``with`` statement::

        with OperatorHarness(lambda s: s.key_by(lambda v: v[0]).process(CountPerKey())) as harness:
            harness.process_element(("a", 1), timestamp=10)
            harness.process_watermark(100)
            assert harness.get_output() == [("a", 1)]

    Each call is done with all that follows from it when it returns; what operators put out is kept until it is asked
    for. A user's function that raises makes the call raise the same exception, with a note of what the job's failure
    would say: operator, method, record and line. Processing time starts at ``processing_time`` and stands still but
    for :meth:`set_processing_time`.

    Functions are used as they are given, not as copies, so that a test can look into them. Coroutines of an async
    operator run on an event loop of the harness's own, only while one of its methods runs; so such a harness cannot be
    used inside a coroutine.

    :param fragment: takes one stream or two and returns the stream (or sink) that it ends with.
    :param runtime_mode: with ``BATCH`` most operators put out results at :meth:`end_input`.
    :param processing_time: where the clock stands at first, ms.
    :param snapshot: start from what :meth:`snapshot` gave for the same fragment; at another parallelism, or with
        another ``subtask_index``, from what :meth:`repackage_state` gave.
    :param input_types: what the records of the inputs are, where operators are to know.
    :param pickled: use copies of the functions made by the pickler, as a job does; what cannot be pickled shows then.
    :param parallelism: how many subtasks the operators are told that there are; this one is ``subtask_index``.
    :param job_parameters: what functions read through their RuntimeContext.
    :param state_backend: where keyed state lives: ``hashmap`` or ``rocksdb``.
    :param checkpointing: the job takes checkpoints: what must not happen twice waits for
        :meth:`notify_checkpoint_complete`.
    :raises InvalidProgramError: a program with this fragment could not run.
    """

    def __init__(
        self,
        fragment: Callable[..., Any],
        *,
        runtime_mode: RuntimeExecutionMode = RuntimeExecutionMode.STREAMING,
        processing_time: int = 0,
        snapshot: bytes | None = None,
        input_types: Sequence[TypeInformation | None] = (),
        pickled: bool = False,
        parallelism: int = 1,
        subtask_index: int = 0,
        max_parallelism: int = 128,
        job_parameters: Mapping[str, str] | None = None,
        state_backend: str = "hashmap",
        checkpointing: bool = False,
    ) -> None:
        self._fragment = fragment
        self._runtime_mode = runtime_mode
        self._input_types = input_types
        self._settings = HarnessSettings(
            parallelism,
            subtask_index,
            max_parallelism,
            job_parameters or {},
            pickled,
            {StateOptions.BACKEND.key: state_backend},
            checkpointing,
        )
        built = build_fragment(fragment, runtime_mode, input_types)
        self._pipeline = HarnessPipeline(built, self._settings, processing_time, snapshot)
        self._state = "new"

    # -- life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the functions. A ``with`` statement does it.

        :raises RuntimeError: it was opened before; or there is an async operator, and this is called in a coroutine.
        """
        if self._state != "new":
            raise RuntimeError(f"the harness is {self._state} already; make a new one")
        self._state = "open"
        self._pipeline.open()

    def close(self) -> None:
        """Close the functions that were opened; also after a failure. A second call does nothing."""
        was_open, self._state = self._state != "closed", "closed"
        if was_open:
            self._pipeline.close()

    def __enter__(self) -> OperatorHarness:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """What the operators remember now: state, timers, windows, elements under way. It is a checkpoint that nobody
        has completed yet: tell so with :meth:`notify_checkpoint_complete`.
        """
        self._check_open()
        return self._pipeline.snapshot()

    def notify_checkpoint_complete(self, checkpoint_id: int | None = None) -> None:
        """A checkpoint is complete.

        :param checkpoint_id: they are numbered from 1, on from a restored one; ``None``: the last one.
        """
        self._check_open()
        self._pipeline.notify_checkpoint(checkpoint_id or self._pipeline.checkpoint_id, complete=True)

    def notify_checkpoint_aborted(self, checkpoint_id: int | None = None) -> None:
        """A checkpoint, if not said otherwise the last one, has failed."""
        self._check_open()
        self._pipeline.notify_checkpoint(checkpoint_id or self._pipeline.checkpoint_id, complete=False)

    @staticmethod
    def repackage_state(*snapshots: bytes) -> bytes:
        """Make one snapshot of those of all subtasks, from which subtasks of any other number can start.

        :raises ValueError: one is missing, or twice there, or they are of different fragments.
        """
        return join_snapshots(snapshots)

    def restore(
        self,
        snapshot: bytes,
        *,
        parallelism: int | None = None,
        subtask_index: int | None = None,
        state_backend: str | None = None,
    ) -> OperatorHarness:
        """Return a new harness of the same fragment that goes on from a snapshot; it is not open yet.

        The clock stands where it stands here. Watermarks are not a part of snapshots: they come again. The fragment
        is called anew, so functions that it makes are new; one that it only refers to is the same object as here.

        :param parallelism: ``None``: as here; the same for ``subtask_index`` and ``state_backend``.
        """
        return OperatorHarness(
            self._fragment,
            runtime_mode=self._runtime_mode,
            processing_time=self.get_processing_time(),
            snapshot=snapshot,
            input_types=self._input_types,
            pickled=self._settings.pickled,
            parallelism=self._settings.parallelism if parallelism is None else parallelism,
            subtask_index=self._settings.subtask_index if subtask_index is None else subtask_index,
            max_parallelism=self._settings.max_parallelism,
            job_parameters=self._settings.job_parameters,
            state_backend=state_backend or self._settings.configuration[StateOptions.BACKEND.key],
            checkpointing=self._settings.checkpointing,
        )

    # -- input --------------------------------------------------------------------------------------------------------

    def process_element(self, value: Any, timestamp: int | None = None) -> None:
        """Process one record of the only input.

        :param timestamp: event time, ms; ``None``: the record has none.
        """
        self._process(self._only_input("process_element"), [value], timestamp if timestamp is None else [timestamp])

    def process_batch(self, values: Iterable[Any], timestamps: Iterable[int | None] | None = None) -> None:
        """Process several records of the only input at once, as a task gets them.

        :param timestamps: as many; ``None``: no record has one.
        """
        own = None if timestamps is None else list(timestamps)
        self._process(self._only_input("process_batch"), list(values), own)

    def process_batch1(self, values: Iterable[Any], timestamps: Iterable[int | None] | None = None) -> None:
        """Process several records of the first of two inputs at once."""
        own = None if timestamps is None else list(timestamps)
        self._process(self._one_of_two(0, "process_batch1"), list(values), own)

    def process_batch2(self, values: Iterable[Any], timestamps: Iterable[int | None] | None = None) -> None:
        """Process several records of the second input at once."""
        own = None if timestamps is None else list(timestamps)
        self._process(self._one_of_two(1, "process_batch2"), list(values), own)

    def process_element1(self, value: Any, timestamp: int | None = None) -> None:
        """Process one record of the first of two inputs."""
        self._process(self._one_of_two(0, "process_element1"), [value], timestamp if timestamp is None else [timestamp])

    def process_element2(self, value: Any, timestamp: int | None = None) -> None:
        """Process one record of the second input."""
        self._process(self._one_of_two(1, "process_element2"), [value], timestamp if timestamp is None else [timestamp])

    def process_broadcast_element(self, value: Any, timestamp: int | None = None) -> None:
        """Process one record of the broadcast input, which is the second one."""
        index = self._one_of_two(1, "process_broadcast_element")
        self._process(index, [value], timestamp if timestamp is None else [timestamp])

    def process_watermark(self, timestamp: int) -> None:
        """Event time has advanced to ``timestamp`` (ms), on both inputs if there are two."""
        self._check_open()
        for index in range(self._pipeline.inputs):
            self._pipeline.process_marker(index, Watermark(timestamp))

    def process_watermark1(self, timestamp: int) -> None:
        """Event time of the first of two inputs has advanced."""
        self._pipeline.process_marker(self._one_of_two(0, "process_watermark1"), Watermark(timestamp))

    def process_watermark2(self, timestamp: int) -> None:
        """Event time of the second input has advanced."""
        self._pipeline.process_marker(self._one_of_two(1, "process_watermark2"), Watermark(timestamp))

    def set_idle(self, idle: bool = True, *, input_number: int = 1) -> None:
        """Input 1 or 2 has become idle: it does not hold event time back; or active again."""
        self._check_open()
        if not 1 <= input_number <= self._pipeline.inputs:
            raise ValueError(f"there is no input {input_number} of {self._pipeline.inputs}")
        self._pipeline.process_marker(input_number - 1, WatermarkStatus(idle=idle))

    def end_input(self) -> None:
        """All input has ended: the last watermark (``MAX_WATERMARK``) comes, and operators give what they still hold.

        Coroutines under way are waited for.
        """
        self._check_open()
        self._pipeline.end_input()

    # -- time ---------------------------------------------------------------------------------------------------------

    def get_processing_time(self) -> int:
        """Where the clock stands, ms."""
        return self._pipeline.now_ms

    def set_processing_time(self, time_ms: int) -> None:
        """Move the clock forward. Timers that are due on the way fire in order, each at its own time.

        :raises ValueError: that would be backward.
        """
        self._check_open()
        self._pipeline.set_processing_time(time_ms)

    def advance_processing_time(self, by_ms: int) -> None:
        """Move the clock forward by ``by_ms``."""
        self.set_processing_time(self.get_processing_time() + by_ms)

    def wait_for_output(self, records: int, timeout_s: float = 5.0) -> list[Any]:
        """Let coroutines of async operators run until there are so many records in all, and return the main output.

        :raises TimeoutError: there were not within ``timeout_s`` seconds of real time.
        """
        self._check_open()
        output = self._pipeline.output
        if not self._pipeline.run_coroutines(lambda: len(output.records()) >= records, timeout_s):
            raise TimeoutError(f"{len(output.records())} records within {timeout_s:g} s, not {records}")
        return self.get_output()

    # -- output -------------------------------------------------------------------------------------------------------

    def get_output(self) -> list[Any]:
        """The values that have come out so far, in order."""
        return [record.value for record in self._pipeline.output.records()]

    extract_output_values = get_output

    def get_output_with_timestamps(self) -> list[tuple[Any, int | None]]:
        """The values with their event timestamps."""
        return [(record.value, record.timestamp) for record in self._pipeline.output.records()]

    def get_output_with_markers(self) -> list[OutputElement]:
        """All that has come out: ``StreamRecord`` s, ``Watermark`` s and ``WatermarkStatus`` es in their order."""
        return list(self._pipeline.output.elements)

    def get_side_output(self, output_tag: OutputTag) -> list[Any]:
        """The values that any of the operators has put out with this tag so far."""
        return [record.value for record in self._pipeline.output.side_outputs.get(output_tag.tag_id, ())]

    def get_side_output_with_timestamps(self, output_tag: OutputTag) -> list[tuple[Any, int | None]]:
        """The same with their event timestamps."""
        records = self._pipeline.output.side_outputs.get(output_tag.tag_id, ())
        return [(record.value, record.timestamp) for record in records]

    def get_output_watermark(self) -> int | None:
        """The last watermark that came out, ms; ``None``: none yet."""
        return self._pipeline.output.watermark

    def take_output(self) -> list[Any]:
        """The values that have come out since the output was last cleared; it is cleared."""
        taken = self.get_output()
        self.clear_output()
        return taken

    def clear_output(self) -> None:
        """Forget what has come out, side outputs too."""
        self._pipeline.output.clear()

    # -- what operators hold ------------------------------------------------------------------------------------------

    def num_event_time_timers(self) -> int:
        """How many event-time timers are set, by functions, triggers and windows.

        Tumbling and sliding windows with their default trigger need none: their results are due by the window. Session
        windows have about one per key.
        """
        return sum(contents_of(states).event_time_timers for states in self._pipeline.states)

    def num_processing_time_timers(self) -> int:
        """How many processing-time timers are set."""
        return sum(contents_of(states).processing_time_timers for states in self._pipeline.states)

    def num_keyed_state_entries(self) -> int:
        """How many values of keyed state there are: one per key, or per key and window, for each state.

        What operators keep besides (broadcast state, the values of a rolling reduce) does not count.
        """
        return sum(contents_of(states).state_entries for states in self._pipeline.states)

    def late_records_dropped(self) -> int:
        """How many records came too late and went nowhere (``numLateRecordsDropped``)."""
        return sum(operator.late_records_dropped() for operator in self._pipeline.operators)

    # -- checks -------------------------------------------------------------------------------------------------------

    def _process(self, index: int, values: list[Any], timestamps: list[int | None] | None) -> None:
        if timestamps is not None:
            if len(timestamps) != len(values):
                raise ValueError(f"{len(values)} values have {len(timestamps)} timestamps")
            for timestamp in timestamps:
                if timestamp is not None and (isinstance(timestamp, bool) or not isinstance(timestamp, int)):
                    raise TypeError(f"a timestamp is an int (ms) or None, not {timestamp!r}")
        self._pipeline.process_batch(index, RecordBatch(values, timestamps))

    def _only_input(self, method: str) -> int:
        self._check_open()
        if self._pipeline.inputs != 1:
            raise TypeError(f"{method}() is for fragments with one input; this one has two: say which one, with 1 or 2")
        return 0

    def _one_of_two(self, index: int, method: str) -> int:
        self._check_open()
        if self._pipeline.inputs != 2:
            raise TypeError(f"{method}() is for fragments with two inputs; this one has one")
        return index

    def _check_open(self) -> None:
        if self._state != "open":
            raise RuntimeError("the harness is not open: use it in a with statement, or call open()")
