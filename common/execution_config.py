"""The execution settings of a program, under PyFlink's names.

An :class:`ExecutionConfig` is a view of the environment's :class:`Configuration`: what is set here is what the job's
configuration says, and the other way round.
"""

from __future__ import annotations

from datetime import timedelta

from millstream.common.config import Configuration, CoreOptions, PipelineOptions, TaskManagerOptions

__all__ = ["ExecutionConfig"]


class ExecutionConfig:
    """Settings that hold for a whole job."""

    PARALLELISM_DEFAULT = -1
    PARALLELISM_UNKNOWN = -2

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = configuration if configuration is not None else Configuration()

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


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _check_int(what: str, value: object, lowest: int, highest: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be an int, not {value!r}")
    if value < lowest or (highest is not None and value > highest):
        bounds = f"at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise ValueError(f"{what} must be {bounds}, not {value}")
