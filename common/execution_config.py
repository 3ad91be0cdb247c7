"""The execution settings of a program, under PyFlink's names.

An :class:`ExecutionConfig` is a view of the environment's :class:`Configuration`: what is set here is what the job's
configuration says, and the other way round.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from millstream.common.config import (
    CheckpointingOptions,
    Configuration,
    CoreOptions,
    MetricOptions,
    PipelineOptions,
    TaskManagerOptions,
)
from millstream.common.execution_mode import ExecutionMode
from millstream.common.input_dependency_constraint import InputDependencyConstraint
from millstream.common.restart_strategy import restart_strategy_of

if TYPE_CHECKING:
    from millstream.common.restart_strategy import RestartStrategyConfiguration

__all__ = ["ExecutionConfig"]


class ExecutionConfig:
    """Settings that hold for a whole job."""

    PARALLELISM_DEFAULT = -1
    PARALLELISM_UNKNOWN = -2

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = configuration if configuration is not None else Configuration()
        self._execution_mode = ExecutionMode.PIPELINED
        self._input_dependency_constraint = InputDependencyConstraint.ANY
        self._kryo_serializers: dict[str, str] = {}
        self._kryo_types: list[str] = []
        self._pojo_types: list[str] = []
        self._default_kryo_serializers: dict[str, str] = {}

    def set_parallelism(self, parallelism: int) -> ExecutionConfig:
        """Set the parallelism of operators that set none; -1: the cluster's default.

        :raises ValueError: less than 1.
        """
        if parallelism == self.PARALLELISM_DEFAULT:
            self._configuration.remove_config(CoreOptions.DEFAULT_PARALLELISM.key)
            return self
        _check_int("parallelism", parallelism, 1)
        self._configuration.set(CoreOptions.DEFAULT_PARALLELISM, parallelism)
        return self

    def get_parallelism(self) -> int:
        """-1 if none is set."""
        if not self._configuration.contains(CoreOptions.DEFAULT_PARALLELISM):
            return self.PARALLELISM_DEFAULT
        return self._configuration.get(CoreOptions.DEFAULT_PARALLELISM)

    def set_max_parallelism(self, max_parallelism: int) -> ExecutionConfig:
        """Set the number of key groups of operators that set none (1 to 32768).

        :raises ValueError: out of bounds.
        """
        _check_int("max parallelism", max_parallelism, 1, 1 << 15)
        self._configuration.set(PipelineOptions.MAX_PARALLELISM, max_parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """-1 if none is set."""
        return self._configuration.get(PipelineOptions.MAX_PARALLELISM)

    def set_auto_watermark_interval(self, interval: int) -> ExecutionConfig:
        """Set the time between periodic watermarks in ms; 0: none are made."""
        _check_int("auto watermark interval", interval, 0)
        self._configuration.set(PipelineOptions.AUTO_WATERMARK_INTERVAL, timedelta(milliseconds=interval))
        return self

    def get_auto_watermark_interval(self) -> int:
        return _milliseconds(self._configuration.get(PipelineOptions.AUTO_WATERMARK_INTERVAL))

    def set_task_cancellation_interval(self, interval: int) -> ExecutionConfig:
        """Set the time between attempts to cancel a task, in ms."""
        _check_int("task cancellation interval", interval, 0)
        self._configuration.set(TaskManagerOptions.TASK_CANCELLATION_INTERVAL, timedelta(milliseconds=interval))
        return self

    def get_task_cancellation_interval(self) -> int:
        return _milliseconds(self._configuration.get(TaskManagerOptions.TASK_CANCELLATION_INTERVAL))

    def set_task_cancellation_timeout(self, timeout: int) -> ExecutionConfig:
        """Set the time after which a task that does not end is killed, in ms; 0: it is waited for."""
        _check_int("task cancellation timeout", timeout, 0)
        self._configuration.set(TaskManagerOptions.TASK_CANCELLATION_TIMEOUT, timedelta(milliseconds=timeout))
        return self

    def get_task_cancellation_timeout(self) -> int:
        return _milliseconds(self._configuration.get(TaskManagerOptions.TASK_CANCELLATION_TIMEOUT))

    def enable_auto_generated_uids(self) -> ExecutionConfig:
        """Let operators without a uid have ids made from their place in the graph."""
        self._configuration.set(PipelineOptions.AUTO_GENERATE_UIDS, True)
        return self

    def disable_auto_generated_uids(self) -> ExecutionConfig:
        """Refuse programs in which an operator has no uid."""
        self._configuration.set(PipelineOptions.AUTO_GENERATE_UIDS, False)
        return self

    def has_auto_generated_uids_enabled(self) -> bool:
        return self._configuration.get(PipelineOptions.AUTO_GENERATE_UIDS)

    def enable_object_reuse(self) -> ExecutionConfig:
        self._configuration.set(PipelineOptions.OBJECT_REUSE, True)
        return self

    def disable_object_reuse(self) -> ExecutionConfig:
        self._configuration.set(PipelineOptions.OBJECT_REUSE, False)
        return self

    def is_object_reuse_enabled(self) -> bool:
        return self._configuration.get(PipelineOptions.OBJECT_REUSE)

    def get_global_job_parameters(self) -> dict[str, str]:
        parameters: dict[str, str] = self._configuration.get(PipelineOptions.GLOBAL_JOB_PARAMETERS)
        return dict(parameters)

    def set_global_job_parameters(self, global_job_parameters_dict: dict[str, object]) -> ExecutionConfig:
        """Set what functions see as ``RuntimeContext.get_job_parameter``; values become text."""
        texts = {str(key): str(value) for key, value in global_job_parameters_dict.items()}
        self._configuration.set(PipelineOptions.GLOBAL_JOB_PARAMETERS, texts)
        return self

    def set_restart_strategy(self, restart_strategy_configuration: RestartStrategyConfiguration) -> ExecutionConfig:
        """Say what is done when the job fails; the same as the ``restart-strategy.*`` options."""
        restart_strategy_configuration.write_to(self._configuration)
        return self

    def get_restart_strategy(self) -> RestartStrategyConfiguration:
        """What the ``restart-strategy.*`` options say."""
        return restart_strategy_of(self._configuration)

    def set_latency_tracking_interval(self, interval: int) -> ExecutionConfig:
        """Set the time between two latency markers in ms; 0: none are sent."""
        _check_int("latency tracking interval", interval, 0)
        self._configuration.set(MetricOptions.LATENCY_INTERVAL, timedelta(milliseconds=interval))
        return self

    def get_latency_tracking_interval(self) -> int:
        return _milliseconds(self._configuration.get(MetricOptions.LATENCY_INTERVAL))

    def set_use_snapshot_compression(self, use_snapshot_compression: bool) -> ExecutionConfig:
        self._configuration.set(CheckpointingOptions.SNAPSHOT_COMPRESSION, bool(use_snapshot_compression))
        return self

    def is_use_snapshot_compression(self) -> bool:
        return self._configuration.get(CheckpointingOptions.SNAPSHOT_COMPRESSION)

    def enable_generic_types(self) -> ExecutionConfig:
        """Let types without a serializer of their own be pickled."""
        self._configuration.set(PipelineOptions.GENERIC_TYPES, True)
        return self

    def disable_generic_types(self) -> ExecutionConfig:
        self._configuration.set(PipelineOptions.GENERIC_TYPES, False)
        return self

    def has_generic_types_disabled(self) -> bool:
        return not self._configuration.get(PipelineOptions.GENERIC_TYPES)

    # What follows is about the classes of a JVM, or about the scheduling of older Flink versions. It is kept and given
    # back, so that programs that set it run; nothing else comes of it.

    def enable_closure_cleaner(self) -> ExecutionConfig:
        return self._keep("pipeline.closure-cleaner-level", "RECURSIVE")

    def disable_closure_cleaner(self) -> ExecutionConfig:
        return self._keep("pipeline.closure-cleaner-level", "NONE")

    def is_closure_cleaner_enabled(self) -> bool:
        return self._configuration.get_string("pipeline.closure-cleaner-level", "RECURSIVE") != "NONE"

    def enable_force_kryo(self) -> ExecutionConfig:
        return self._keep("pipeline.force-kryo", "true")

    def disable_force_kryo(self) -> ExecutionConfig:
        return self._keep("pipeline.force-kryo", "false")

    def is_force_kryo_enabled(self) -> bool:
        return self._configuration.get_boolean("pipeline.force-kryo", False)

    def enable_force_avro(self) -> ExecutionConfig:
        return self._keep("pipeline.force-avro", "true")

    def disable_force_avro(self) -> ExecutionConfig:
        return self._keep("pipeline.force-avro", "false")

    def is_force_avro_enabled(self) -> bool:
        return self._configuration.get_boolean("pipeline.force-avro", False)

    def disable_auto_type_registration(self) -> ExecutionConfig:
        return self._keep("pipeline.auto-type-registration", "false")

    def is_auto_type_registration_disabled(self) -> bool:
        return not self._configuration.get_boolean("pipeline.auto-type-registration", True)

    def set_execution_mode(self, execution_mode: ExecutionMode) -> ExecutionConfig:
        self._execution_mode = execution_mode
        return self

    def get_execution_mode(self) -> ExecutionMode:
        return self._execution_mode

    def set_default_input_dependency_constraint(
        self, input_dependency_constraint: InputDependencyConstraint
    ) -> ExecutionConfig:
        self._input_dependency_constraint = input_dependency_constraint
        return self

    def get_default_input_dependency_constraint(self) -> InputDependencyConstraint:
        return self._input_dependency_constraint

    def add_default_kryo_serializer(self, type_class_name: str, serializer_class_name: str) -> ExecutionConfig:
        self._default_kryo_serializers[type_class_name] = serializer_class_name
        return self

    def get_default_kryo_serializer_classes(self) -> dict[str, str]:
        return dict(self._default_kryo_serializers)

    def register_type_with_kryo_serializer(self, type_class_name: str, serializer_class_name: str) -> ExecutionConfig:
        self._kryo_serializers[type_class_name] = serializer_class_name
        return self

    def get_registered_types_with_kryo_serializer_classes(self) -> dict[str, str]:
        return dict(self._kryo_serializers)

    def register_kryo_type(self, type_class_name: str) -> ExecutionConfig:
        _add_once(self._kryo_types, type_class_name)
        return self

    def get_registered_kryo_types(self) -> list[str]:
        return list(self._kryo_types)

    def register_pojo_type(self, type_class_name: str) -> ExecutionConfig:
        _add_once(self._pojo_types, type_class_name)
        return self

    def get_registered_pojo_types(self) -> list[str]:
        return list(self._pojo_types)

    def _parts(self) -> tuple[object, ...]:
        return (
            self._configuration,
            self._execution_mode,
            self._input_dependency_constraint,
            tuple(self._kryo_serializers.items()),
            tuple(self._kryo_types),
            tuple(self._pojo_types),
            tuple(self._default_kryo_serializers.items()),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExecutionConfig) and self._parts() == other._parts()

    def __hash__(self) -> int:
        """Of the settings as they are now, as in PyFlink."""
        return hash(self._parts())

    def _keep(self, key: str, value: str) -> ExecutionConfig:
        self._configuration.set_string(key, value)
        return self


def _add_once(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _check_int(what: str, value: object, lowest: int, highest: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be an int, not {value!r}")
    if value < lowest or (highest is not None and value > highest):
        bounds = f"at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise ValueError(f"{what} must be {bounds}, not {value}")
