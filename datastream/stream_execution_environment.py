"""The entry point of programs: settings, sources, and the execution of what was defined."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millstream.common.archive import is_plain_name
from millstream.common.borrowed_names import borrowed_names
from millstream.common.config import (
    CheckpointingOptions,
    Configuration,
    CoreOptions,
    DeploymentOptions,
    ExecutionOptions,
    JobManagerOptions,
    PipelineOptions,
    PythonOptions,
    RpcOptions,
    StateOptions,
    load_configuration,
)
from millstream.common.errors import InvalidProgramError, JobExecutionError
from millstream.common.execution import JobExecutionResult, PipelineExecutor, context_configuration, load_executor
from millstream.common.execution_config import ExecutionConfig
from millstream.common.graph.operator_spec import LegacySourceSpec, OperatorSpec, SourceSpec
from millstream.common.ids import IdFactory
from millstream.common.typeinfo import TypeInformation, TypeMismatchError
from millstream.common.watermark_strategy import WatermarkStrategy, watermark_strategy_of
from millstream.datastream.call_site import call_site
from millstream.datastream.checkpoint_config import CheckpointConfig
from millstream.datastream.collection_source import CollectionSource
from millstream.datastream.data_stream import DataStream
from millstream.datastream.execution_mode import RuntimeExecutionMode
from millstream.datastream.functions import ParallelSourceFunction, SourceFunction
from millstream.datastream.result_type_queryable import produced_type_of
from millstream.datastream.settings_without_effect import settings_without_effect
from millstream.datastream.slot_sharing_group import SlotSharingGroup
from millstream.datastream.source import Source
from millstream.datastream.time_characteristic import TimeCharacteristic
from millstream.datastream.transformation import OperatorTransformation, Transformation

if TYPE_CHECKING:
    from millstream.common.execution import JobClient as BlockingJobClient
    from millstream.common.job_client import JobClient
    from millstream.common.restart_strategy import RestartStrategyConfiguration
    from millstream.common.wire.graph_pb2 import Artifact, JobGraph
    from millstream.datastream.checkpointing_mode import CheckpointingMode
    from millstream.datastream.closeable_iterator import CloseableIterator
    from millstream.datastream.data_stream_sink import DataStreamSink
    from millstream.datastream.graph.stream_graph import StreamGraph
    from millstream.datastream.state_backend import StateBackend

__all__ = ["StreamExecutionEnvironment"]

_LOG = logging.getLogger(__name__)

_DEFAULT_JOB_NAME = "Flink Streaming Job"
_CONTEXT_TARGET = "context"
_DEFAULT_AUTO_WATERMARK_INTERVAL_MS = 200

_JOB_KEYS = (
    "pipeline.",
    "restart-strategy",
    "execution.buffer-timeout",
    "execution.runtime-mode",
    "execution.checkpointing.",
    "execution.state-recovery.",
    "state.",
    "parallelism.default",
    "metrics.latency.",
    "slot.request.timeout",
    "task.cancellation.",
)
"""What of the settings is the job's own and travels with it. The rest is the cluster's or the client's."""


class StreamExecutionEnvironment:
    """Where a program defines its streams and starts its jobs.

    Everything that is defined is collected until :meth:`execute` turns it into one job.
    """

    _default_local_parallelism: int | None = None

    def __init__(self, configuration: Configuration, target: str = "") -> None:
        """Use :meth:`get_execution_environment` instead.

        :param target: the kind of cluster: ``local``, ``remote``, ``context``; empty: what the configuration says.
        """
        self._configuration = configuration
        self._target = target
        self._config = ExecutionConfig(configuration)
        self._checkpoint_config = CheckpointConfig(configuration)
        self._state_backend: StateBackend | None = None
        self._transformations: list[Transformation] = []
        self._last_id = 0
        self._python_files: list[Path] = []
        self._python_archives: list[tuple[Path, str]] = []
        self._slot_sharing_groups: dict[str, SlotSharingGroup] = {}
        self._ids = IdFactory()

    # -- making an environment --------------------------------------------------------------------------------------

    @staticmethod
    def get_execution_environment(configuration: Configuration | None = None) -> StreamExecutionEnvironment:
        """The environment of the place where the program runs.

        Under ``millstream run`` jobs go where the command line says; started by itself, a program runs its jobs in
        a cluster inside its own process.

        :param configuration: settings that win over those of the configuration file and the command line.
        """
        context = context_configuration()
        settings = context if context is not None else load_configuration()
        target = _CONTEXT_TARGET if context is not None else ""
        return StreamExecutionEnvironment(_with(settings, configuration), target)

    @staticmethod
    def create_local_environment(
        parallelism: int | None = None, configuration: Configuration | None = None
    ) -> StreamExecutionEnvironment:
        """An environment that runs its jobs in a cluster inside this process, wherever the program runs.

        :param parallelism: default: the number of cores.
        """
        environment = StreamExecutionEnvironment(_with(Configuration(), configuration), "local")
        environment._configuration.set(DeploymentOptions.TARGET, "local")
        if parallelism is None and not environment._configuration.contains(CoreOptions.DEFAULT_PARALLELISM):
            parallelism = StreamExecutionEnvironment._default_local_parallelism
        return environment if parallelism is None else environment.set_parallelism(parallelism)

    @staticmethod
    def create_remote_environment(
        host: str, port: int, *files: str, configuration: Configuration | None = None
    ) -> StreamExecutionEnvironment:
        """An environment that sends its jobs to the master at ``host:port``.

        :param files: Python files, zips and directories that the job needs (see :meth:`add_python_file`).
        """
        environment = StreamExecutionEnvironment(_with(Configuration(), configuration), "remote")
        environment._configuration.set(DeploymentOptions.TARGET, "remote")
        environment._configuration.set(DeploymentOptions.ATTACHED, True)
        environment._configuration.set(JobManagerOptions.ADDRESS, host)
        environment._configuration.set(JobManagerOptions.PORT, port)
        for file in files:
            environment.add_python_file(file)
        return environment

    # -- settings ---------------------------------------------------------------------------------------------------

    def get_config(self) -> ExecutionConfig:
        """The settings that are given under names of their own."""
        return self._config

    def configure(self, configuration: Configuration) -> None:
        """Take over settings; they win over those here."""
        self._configuration.add_all(configuration)

    def set_parallelism(self, parallelism: int) -> StreamExecutionEnvironment:
        """Set the parallelism of operators that set none.

        :raises InvalidProgramError: less than 1.
        """
        if parallelism != ExecutionConfig.PARALLELISM_DEFAULT and isinstance(parallelism, int) and parallelism < 1:
            raise InvalidProgramError(f"{call_site()}: parallelism must be at least 1, not {parallelism}")
        self._config.set_parallelism(parallelism)
        return self

    def get_parallelism(self) -> int:
        """The parallelism of operators that set none: as the program, else the configuration, else the cluster says."""
        if self._configuration.contains(CoreOptions.DEFAULT_PARALLELISM):
            return self._configuration.get(CoreOptions.DEFAULT_PARALLELISM)
        default = StreamExecutionEnvironment._default_local_parallelism
        if default is not None and self._runs_locally():
            return default
        return self._executor().default_parallelism(self._configuration)

    def set_max_parallelism(self, max_parallelism: int) -> StreamExecutionEnvironment:
        """Set the number of key groups of operators that set none (1 to 32768).

        :raises InvalidProgramError: out of bounds.
        """
        try:
            self._config.set_max_parallelism(max_parallelism)
        except ValueError as error:
            raise InvalidProgramError(f"{call_site()}: {error}") from None
        return self

    def get_max_parallelism(self) -> int:
        """-1 if none is set: then it is derived from each operator's parallelism."""
        return self._config.get_max_parallelism()

    def register_slot_sharing_group(self, slot_sharing_group: SlotSharingGroup) -> StreamExecutionEnvironment:
        """Register a group with its resources."""
        self._slot_sharing_groups[slot_sharing_group.get_name()] = slot_sharing_group
        return self

    def set_runtime_mode(self, execution_mode: RuntimeExecutionMode) -> StreamExecutionEnvironment:
        """Choose when results come.

        STREAMING: as the input does. BATCH: keyed aggregations give one result per key when the input has ended, and
        unbounded sources are refused. AUTOMATIC: BATCH if all sources are bounded, else STREAMING.
        """
        if not isinstance(execution_mode, RuntimeExecutionMode):
            raise TypeError(f"set_runtime_mode takes a RuntimeExecutionMode, not {execution_mode!r}")
        self._configuration.set(ExecutionOptions.RUNTIME_MODE, execution_mode.name)
        return self

    def set_buffer_timeout(self, timeout_millis: int) -> StreamExecutionEnvironment:
        """Set how long records wait for their network buffer to fill; 0: not at all, -1: until it is full."""
        if isinstance(timeout_millis, bool) or not isinstance(timeout_millis, int) or timeout_millis < -1:
            raise ValueError(f"a buffer timeout is a number of ms, 0 or -1 (off), not {timeout_millis!r}")
        self._configuration.set(ExecutionOptions.BUFFER_TIMEOUT_ENABLED, timeout_millis != -1)
        if timeout_millis >= 0:
            self._configuration.set(ExecutionOptions.BUFFER_TIMEOUT, timedelta(milliseconds=timeout_millis))
        return self

    def get_buffer_timeout(self) -> int:
        """In ms; -1: only full buffers are sent."""
        if not self._configuration.get(ExecutionOptions.BUFFER_TIMEOUT_ENABLED):
            return -1
        return self._configuration.get(ExecutionOptions.BUFFER_TIMEOUT) // timedelta(milliseconds=1)

    def set_stream_time_characteristic(self, characteristic: TimeCharacteristic) -> None:
        """Choose what time is for sources without a watermark strategy and for ``time_window``.

        It also sets the auto-watermark interval: none in processing time, 200 ms else.
        """
        if not isinstance(characteristic, TimeCharacteristic):
            raise TypeError(f"set_stream_time_characteristic takes a TimeCharacteristic, not {characteristic!r}")
        self._configuration.set(PipelineOptions.TIME_CHARACTERISTIC, characteristic.name)
        self._config.set_auto_watermark_interval(
            0 if characteristic is TimeCharacteristic.ProcessingTime else _DEFAULT_AUTO_WATERMARK_INTERVAL_MS
        )

    def get_stream_time_characteristic(self) -> TimeCharacteristic:
        """``EventTime`` unless something else was set."""
        return TimeCharacteristic[self._configuration.get(PipelineOptions.TIME_CHARACTERISTIC)]

    def disable_operator_chaining(self) -> StreamExecutionEnvironment:
        """Let every operator have a task of its own."""
        self._configuration.set(PipelineOptions.OPERATOR_CHAINING, False)
        return self

    def is_chaining_enabled(self) -> bool:
        return self._configuration.get(PipelineOptions.OPERATOR_CHAINING)

    def is_chaining_of_operators_with_different_max_parallelism_enabled(self) -> bool:
        """Never: what is chained is rescaled together."""
        return False

    def set_restart_strategy(self, restart_strategy_configuration: RestartStrategyConfiguration) -> None:
        """Say what is done when the job fails; the same as the ``restart-strategy.*`` options."""
        restart_strategy_configuration.write_to(self._configuration)

    def get_restart_strategy(self) -> RestartStrategyConfiguration:
        """What the ``restart-strategy.*`` options say."""
        return self._config.get_restart_strategy()

    # -- checkpoints and state --------------------------------------------------------------------------------------

    def get_checkpoint_config(self) -> CheckpointConfig:
        """The settings of checkpoints."""
        return self._checkpoint_config

    def enable_checkpointing(self, interval: int, mode: CheckpointingMode | None = None) -> StreamExecutionEnvironment:
        """Take checkpoints, with so many ms between the starts of two.

        :param mode: default: exactly once.
        :raises ValueError: less than 10 ms.
        """
        self._checkpoint_config.set_checkpoint_interval(interval)
        if mode is not None:
            self._checkpoint_config.set_checkpointing_mode(mode)
        return self

    def get_checkpoint_interval(self) -> int:
        """In ms; -1: there are no checkpoints."""
        return self._checkpoint_config.get_checkpoint_interval()

    def get_checkpointing_mode(self) -> CheckpointingMode:
        return self._checkpoint_config.get_checkpointing_mode()

    def get_checkpointing_consistency_mode(self) -> CheckpointingMode:
        return self._checkpoint_config.get_checkpointing_mode()

    def is_unaligned_checkpoints_enabled(self) -> bool:
        return self._checkpoint_config.is_unaligned_checkpoints_enabled()

    def is_force_unaligned_checkpoints(self) -> bool:
        return self._checkpoint_config.is_force_unaligned_checkpoints()

    def set_state_backend(self, state_backend: StateBackend) -> StreamExecutionEnvironment:
        """Say where keyed state lives: in the memory of the workers, or in RocksDB on their disks."""
        from millstream.datastream.state_backend import StateBackend

        if not isinstance(state_backend, StateBackend):
            raise TypeError(f"set_state_backend() takes a StateBackend, not {state_backend!r}")
        state_backend.write_to(self._configuration)
        self._state_backend = state_backend
        return self

    def get_state_backend(self) -> StateBackend | None:
        """What :meth:`set_state_backend` was given, else what the configuration names; ``None``: nothing is said."""
        if self._state_backend is None and self._configuration.contains(StateOptions.BACKEND):
            from millstream.datastream.state_backend import state_backend_of

            return state_backend_of(self._configuration.get(StateOptions.BACKEND))
        return self._state_backend

    def enable_changelog_state_backend(self, enabled: bool) -> StreamExecutionEnvironment:
        """Log changes of state continuously. Without effect in this version."""
        self._configuration.set(StateOptions.CHANGELOG_ENABLED, bool(enabled))
        return self

    def is_changelog_state_backend_enabled(self) -> bool | None:
        """``None``: nothing is said."""
        if not self._configuration.contains(StateOptions.CHANGELOG_ENABLED):
            return None
        return self._configuration.get(StateOptions.CHANGELOG_ENABLED)

    def set_default_savepoint_directory(self, directory: str) -> StreamExecutionEnvironment:
        """Set the directory of savepoints that name none, as a URI."""
        self._configuration.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, directory)
        return self

    def get_default_savepoint_directory(self) -> str | None:
        return self._configuration.get(CheckpointingOptions.SAVEPOINT_DIRECTORY)

    # -- files and interpreters -------------------------------------------------------------------------------------

    def add_python_file(self, file_path: str) -> None:
        """Send a ``.py`` file, a zip or a directory along with the job; functions can import it.

        :raises InvalidProgramError: there is no such file.
        """
        path = Path(os.path.abspath(file_path))
        if not path.exists():
            raise InvalidProgramError(f"{call_site()}: Python file {file_path!r} does not exist")
        if path not in self._python_files:
            self._python_files.append(path)

    def add_jars(self, *jars_path: str) -> None:
        """Does nothing: there is no JVM that could use them. Here for programs that run on Flink too."""
        _LOG.info("Ignored, as there is no JVM: %s", ", ".join(jars_path))

    def add_classpaths(self, *classpaths: str) -> None:
        """Does nothing: there is no JVM that could use them. Here for programs that run on Flink too."""
        _LOG.info("Ignored, as there is no JVM: %s", ", ".join(classpaths))

    def set_python_executable(self, python_exec: str) -> None:
        """Set the interpreter of the worker processes."""
        self._configuration.set(PythonOptions.EXECUTABLE, python_exec)

    def set_python_requirements(self, requirements_file_path: str, requirements_cache_dir: str | None = None) -> None:
        """Say what functions import. Nothing is installed in this version: a warning in the log tells to do it."""
        _LOG.warning(
            "%s: set_python_requirements() installs nothing in this version of Millstream: install %r into the "
            "environment of the TaskManagers (or choose one that has it with set_python_executable()); a package of "
            "pure Python can go with the job by add_python_file()",
            call_site(),
            requirements_file_path,
        )

    def add_python_archive(self, archive_path: str, target_dir: str | None = None) -> None:
        """Send a zip or a tar along with the job; the workers unpack it, and functions open what it holds.

        They find it relative to the working directory: ``open("data.zip/prices.csv")``, or with a target directory
        ``open("target_dir/prices.csv")``. The workers of such a job work in a directory of their own, where files
        beside the program are not. Slots must be processes.

        :param target_dir: the name of the directory to unpack into; default: the archive's own file name. Archives
            with the same one are unpacked one over the other.
        :raises InvalidProgramError: there is no such file, or ``target_dir`` is not a plain name.
        """
        path = Path(os.path.abspath(archive_path))
        name = path.name if target_dir is None else target_dir
        if not path.is_file():
            problem = "is a directory; pack it into a zip or tar" if path.is_dir() else "does not exist"
            raise InvalidProgramError(f"{call_site()}: archive {archive_path!r} {problem}")
        if not is_plain_name(name):
            raise InvalidProgramError(
                f"{call_site()}: target_dir {name!r} of archive {archive_path!r} is not the plain name of a directory "
                "(no path, no '..')"
            )
        if (path, name) not in self._python_archives:
            self._python_archives.append((path, name))

    def register_cached_file(self, file_path: str, name: str, executable: bool = False) -> None:
        """Refused: there is no distributed cache in this version."""
        raise InvalidProgramError(
            f"{call_site()}: register_cached_file() is not supported: put {file_path!r} to a place that all "
            "TaskManagers can read, or send a zip with it along by add_python_archive()"
        )

    def register_type(self, type_class_name: str) -> None:
        """Does nothing: there is no JVM whose classes it could be about."""
        self._config.register_pojo_type(type_class_name)

    def add_default_kryo_serializer(self, type_class_name: str, serializer_class_name: str) -> None:
        """Does nothing: there is no JVM whose classes it could be about."""
        self._config.add_default_kryo_serializer(type_class_name, serializer_class_name)

    def register_type_with_kryo_serializer(self, type_class_name: str, serializer_class_name: str) -> None:
        """Does nothing: there is no JVM whose classes it could be about."""
        self._config.register_type_with_kryo_serializer(type_class_name, serializer_class_name)

    def get_default_local_parallelism(self) -> int:
        """The parallelism of local programs that set none."""
        default = StreamExecutionEnvironment._default_local_parallelism
        return default if default is not None else os.cpu_count() or 1

    def set_default_local_parallelism(self, parallelism: int) -> None:
        """Set it, for all environments of this process."""
        if isinstance(parallelism, bool) or not isinstance(parallelism, int) or parallelism < 1:
            raise ValueError(f"parallelism must be at least 1, not {parallelism!r}")
        StreamExecutionEnvironment._default_local_parallelism = parallelism

    # -- sources ----------------------------------------------------------------------------------------------------

    def from_collection(self, collection: Iterable[Any], type_info: TypeInformation | None = None) -> DataStream:
        """A stream of the elements of a list. Its source runs at parallelism 1.

        :param collection: is read now; the elements travel inside the job.
        :param type_info: what the elements are; with a ROW type tuples and dicts become rows, and ints that are too
            large are cut to the bits of their type.
        :raises TypeMismatchError: an element cannot be made one of the type.
        """
        _check_type(type_info)
        elements = list(collection)
        if type_info is not None and type_info.need_conversion():
            elements = _converted(elements, type_info)
        return self._source(
            "Collection Source", SourceSpec(CollectionSource(elements, type_info)), type_info, non_parallel=True
        )

    def from_elements(self, *elements: Any) -> DataStream:
        """A stream of the arguments."""
        return self.from_collection(elements)

    def from_source(
        self,
        source: Source,
        watermark_strategy: WatermarkStrategy | None,
        source_name: str,
        type_info: TypeInformation | None = None,
    ) -> DataStream:
        """A stream of what a :class:`~millstream.datastream.source.Source` reads.

        :param watermark_strategy: how records get timestamps and watermarks follow from them; ``None``: as with
            ``WatermarkStrategy.no_watermarks()`` records keep the source's own timestamps, and no watermark comes but
            the one at the end of the input.
        """
        if not isinstance(source, Source):
            raise TypeError(f"from_source() takes a Source, not {source!r}; a SourceFunction goes to add_source()")
        if watermark_strategy is not None and not isinstance(watermark_strategy, WatermarkStrategy):
            raise TypeError(f"from_source() takes a WatermarkStrategy second, not {watermark_strategy!r}")
        _check_type(type_info)
        strategy = WatermarkStrategy.no_watermarks() if watermark_strategy is None else watermark_strategy
        return self._source(source_name, SourceSpec(source, watermark_strategy_of(strategy)), type_info)

    def from_sequence(self, from_: int, to: int) -> DataStream:
        """A stream of all ints from ``from_`` to ``to``, both included."""
        from millstream.datastream.connectors import NumberSequenceSource

        return self._source("Sequence Source", SourceSpec(NumberSequenceSource(from_, to)), None)

    def generate_sequence(self, from_: int, to: int) -> DataStream:
        """The same as :meth:`from_sequence`."""
        return self.from_sequence(from_, to)

    def read_text_file(self, file_path: str, charset_name: str = "UTF-8") -> DataStream:
        """A stream of the lines of a file, or of all files in a directory and those below it."""
        from millstream.datastream.connectors import FileSource, StreamFormat

        source = FileSource.for_record_stream_format(StreamFormat.text_line_format(charset_name), file_path).build()
        return self._source("Custom File Source", SourceSpec(source), None)

    def socket_text_stream(self, host: str, port: int, delimiter: str = "\n", max_retry: int = 0) -> DataStream:
        """A stream of the lines that a server sends. Runs at parallelism 1.

        :param max_retry: how often to connect again when the connection ends; 0: never, -1: always.
        """
        from millstream.datastream.connectors import SocketTextStreamFunction

        return self.add_source(SocketTextStreamFunction(host, port, delimiter, max_retry), "Socket Stream")

    def add_source(
        self,
        source_func: SourceFunction,
        source_name: str = "Custom Source",
        type_info: TypeInformation | None = None,
    ) -> DataStream:
        """A stream of what a :class:`SourceFunction` emits. Its parallelism is 1 unless it is a
        :class:`ParallelSourceFunction`.
        """
        if not isinstance(source_func, SourceFunction):
            raise TypeError(
                f"add_source() takes an instance of a SourceFunction, not {source_func!r}; a Source goes to "
                "from_source()"
            )
        _check_type(type_info)
        non_parallel = not isinstance(source_func, ParallelSourceFunction)
        return self._source(source_name, LegacySourceSpec(source_func), type_info, non_parallel=non_parallel)

    def create_input(self, input_format: Any, type_info: TypeInformation | None = None) -> DataStream:
        """Refused: the input formats of PyFlink are Java classes."""
        raise InvalidProgramError(
            f"{call_site()}: create_input() is not supported: there is no JVM for the input format {input_format!r}; "
            "read with from_source() and a FileSource, or with a SourceFunction of your own and add_source()"
        )

    # -- execution --------------------------------------------------------------------------------------------------

    def execute(self, job_name: str | None = None) -> JobExecutionResult:
        """Run everything that was defined since the last execution, and wait for its end.

        Where the target is not attached (``millstream run -d``) it returns at once; the result then has no runtime.

        :raises InvalidProgramError: the program cannot run as it is written.
        :raises JobExecutionError: the job failed.
        """
        executor = self._executor()
        client = self._submit(executor, job_name)
        if executor.attached():
            try:
                return client.get_job_execution_result()
            except JobExecutionError as failure:
                # The failure tells its story; how it was waited for would only stand before it.
                raise failure.with_traceback(None) from None
        return JobExecutionResult(client.get_job_id(), -1)

    def execute_async(self, job_name: str | None = None) -> JobClient:
        """Submit everything that was defined since the last execution, and return a handle on the job."""
        from millstream.common.job_client import JobClient

        return JobClient(self._submit(self._executor(), job_name))

    def get_execution_plan(self) -> str:
        """What :meth:`execute` would run, as JSON.

        :raises InvalidProgramError: the program cannot run as it is written.
        """
        from millstream.datastream.graph.execution_plan import execution_plan

        return execution_plan(self._stream_graph(None))

    def explain(self) -> str:
        """What :meth:`execute` would run, as a text: each operator, how its input is sent, and what costs.

        :raises InvalidProgramError: the program cannot run as it is written.
        """
        from millstream.datastream.graph.execution_plan import explain

        return explain(self._stream_graph(None))

    def get_job_graph(self, job_name: str | None = None) -> JobGraph:
        """What :meth:`execute` would submit. The program's definitions stay.

        :raises InvalidProgramError: the program cannot run as it is written.
        """
        return self._job_graph(self._stream_graph(job_name))

    def close(self) -> None:
        """Forget what was defined and not executed."""
        self._transformations.clear()

    # -- for streams ------------------------------------------------------------------------------------------------

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _add_operator(
        self,
        kind: str,
        name: str,
        spec: OperatorSpec,
        inputs: tuple[Transformation, ...],
        output_type: TypeInformation | None,
    ) -> OperatorTransformation:
        if output_type is None:
            output_type = produced_type_of(spec)
        transformation = OperatorTransformation(
            self._next_id(), kind, name, spec, inputs, call_site(), output_type, self._own_parallelism()
        )
        self._transformations.append(transformation)
        return transformation

    def _execute_and_collect(self, sink: DataStreamSink, job_name: str | None) -> CloseableIterator:
        from millstream.datastream.closeable_iterator import CloseableIterator
        from millstream.datastream.graph.operator_ids import operator_ids

        graph = self._stream_graph(job_name)
        operator_id = operator_ids(graph)[sink._transformation.id]
        return CloseableIterator(self._submit(self._executor(), job_name), operator_id)

    def _source(
        self, name: str, spec: OperatorSpec, output_type: TypeInformation | None, *, non_parallel: bool = False
    ) -> DataStream:
        if not isinstance(name, str):
            raise TypeError(f"a source's name is a text, not {name!r}")
        if output_type is None:
            output_type = produced_type_of(spec)
        transformation = OperatorTransformation(
            self._next_id(), "source", name, spec, (), call_site(), output_type, self._own_parallelism()
        )
        if non_parallel:
            transformation.parallelism = 1
            transformation.non_parallel = True
        return DataStream(self, transformation)

    def _own_parallelism(self) -> int | None:
        """What an operator that is made now gets: a later ``set_parallelism`` of the environment is for later ones."""
        if self._configuration.contains(CoreOptions.DEFAULT_PARALLELISM):
            return self._configuration.get(CoreOptions.DEFAULT_PARALLELISM)
        return None

    # -- from definitions to a job ----------------------------------------------------------------------------------

    def _submit(self, executor: PipelineExecutor, job_name: str | None) -> BlockingJobClient:
        graph = self._stream_graph(job_name)
        self._transformations.clear()
        without_effect = settings_without_effect(self._configuration)
        if without_effect:
            _LOG.warning("Job %s: %s.", graph.job_name, without_effect)
        return executor.submit(self._job_graph(graph), self._configuration)

    def _stream_graph(self, job_name: str | None) -> StreamGraph:
        from millstream.datastream.graph.stream_graph_generator import GraphDefaults, generate_stream_graph

        if not self._transformations:
            raise InvalidProgramError(f"{call_site()}: No operators defined in streaming topology. Cannot execute.")
        max_parallelism = self.get_max_parallelism()
        defaults = GraphDefaults(
            parallelism=self.get_parallelism(),
            max_parallelism=max_parallelism if max_parallelism > 0 else None,
            buffer_timeout=self.get_buffer_timeout(),
            chaining=self.is_chaining_enabled(),
            auto_generated_uids=self._config.has_auto_generated_uids_enabled(),
            runtime_mode=self._configuration.get(ExecutionOptions.RUNTIME_MODE),
        )
        name = job_name or self._configuration.get(PipelineOptions.NAME) or _DEFAULT_JOB_NAME
        return generate_stream_graph(self._transformations, name, defaults)

    def _job_graph(self, graph: StreamGraph) -> JobGraph:
        from millstream.datastream.graph.job_graph_generator import generate_job_graph

        settings = {key: value for key, value in self._configuration.to_map().items() if key.startswith(_JOB_KEYS)}
        return generate_job_graph(graph, self._ids.job_id(), settings, self._artifacts(), self._python_path())

    def _artifacts(self) -> list[Artifact]:
        from millstream.datastream.python_files import archive_of, artifact_of, check_sizes

        artifacts = [artifact_of(path) for path in self._python_files]
        artifacts += [archive_of(path, target_dir) for path, target_dir in self._python_archives]
        check_sizes(artifacts, self._configuration.get(RpcOptions.FRAMESIZE))
        return artifacts

    def _python_path(self) -> list[str]:
        from millstream.datastream.python_files import local_python_path

        return local_python_path() if self._runs_locally() else []

    def _runs_locally(self) -> bool:
        return (self._target or self._configuration.get(DeploymentOptions.TARGET) or "local") == "local"

    def _executor(self) -> PipelineExecutor:
        target = self._target or self._configuration.get(DeploymentOptions.TARGET) or ""
        return load_executor(target, self._configuration)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a StreamExecutionEnvironment is a part of the program, not of the data: it cannot be used inside a "
            "function"
        )


def _with(settings: Configuration, more: Configuration | None) -> Configuration:
    if more is not None and not isinstance(more, Configuration):
        raise TypeError(f"an environment is configured by a Configuration, not {more!r}")
    return settings if more is None else settings.add_all(more)


def _check_type(type_info: TypeInformation | None) -> None:
    if type_info is not None and not isinstance(type_info, TypeInformation):
        raise TypeError(f"type_info must be a TypeInformation such as Types.STRING(), not {type_info!r}")


def _converted(elements: list[Any], type_info: TypeInformation) -> list[Any]:
    try:
        return list(map(type_info.conversion(narrow=True), elements))
    except TypeMismatchError as error:
        raise TypeMismatchError(f"{call_site()}: from_collection() cannot take {error}") from None


__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.common.job_client": "JobClient",
        "millstream.common.typeinfo": "Types",
        "millstream.datastream.checkpointing_mode": "CheckpointingMode",
    },
)
