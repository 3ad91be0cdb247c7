"""All options that Millstream knows, found by key.

What is not listed here does not exist: a key in a file or on a command line that no option has is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from millstream.common.config.blob_server_options import BlobServerOptions
from millstream.common.config.checkpointing_options import CheckpointingOptions
from millstream.common.config.client_options import ClientOptions
from millstream.common.config.cluster_options import ClusterOptions
from millstream.common.config.core_options import CoreOptions
from millstream.common.config.deployment_options import DeploymentOptions
from millstream.common.config.env_options import EnvOptions
from millstream.common.config.execution_options import ExecutionOptions
from millstream.common.config.file_system_options import FileSystemOptions
from millstream.common.config.heartbeat_options import HeartbeatOptions
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.config.history_server_options import HistoryServerOptions
from millstream.common.config.job_manager_options import JobManagerOptions
from millstream.common.config.local_options import LocalOptions
from millstream.common.config.metric_options import MetricOptions
from millstream.common.config.option import ConfigOption, FormerKey, OptionTemplate
from millstream.common.config.pipeline_options import PipelineOptions
from millstream.common.config.python_options import PythonOptions
from millstream.common.config.queryable_state_options import QueryableStateOptions
from millstream.common.config.resource_manager_options import ResourceManagerOptions
from millstream.common.config.rest_options import RestOptions
from millstream.common.config.restart_strategy_options import RestartStrategyOptions
from millstream.common.config.rocksdb_metric_options import RocksDbMetricOptions
from millstream.common.config.rocksdb_options import RocksDbOptions
from millstream.common.config.rpc_options import RpcOptions
from millstream.common.config.security_options import SecurityOptions
from millstream.common.config.state_options import StateOptions
from millstream.common.config.task_manager_memory_options import TaskManagerMemoryOptions
from millstream.common.config.task_manager_options import TaskManagerOptions
from millstream.common.config.web_options import WebOptions

__all__ = ["OPTIONS_CLASSES", "current_setting", "find_option", "nearest_key", "options_of", "templates_of"]

OPTIONS_CLASSES: tuple[type, ...] = (
    CoreOptions,
    LocalOptions,
    DeploymentOptions,
    PipelineOptions,
    ExecutionOptions,
    RestartStrategyOptions,
    PythonOptions,
    ClientOptions,
    JobManagerOptions,
    ResourceManagerOptions,
    TaskManagerOptions,
    TaskManagerMemoryOptions,
    HeartbeatOptions,
    RpcOptions,
    ClusterOptions,
    BlobServerOptions,
    StateOptions,
    RocksDbOptions,
    RocksDbMetricOptions,
    CheckpointingOptions,
    HighAvailabilityOptions,
    RestOptions,
    WebOptions,
    HistoryServerOptions,
    MetricOptions,
    SecurityOptions,
    QueryableStateOptions,
    FileSystemOptions,
    EnvOptions,
)


def options_of(options_class: type) -> list[ConfigOption[Any]]:
    """The options of a class, in the order of their declaration."""
    return [value for value in vars(options_class).values() if isinstance(value, ConfigOption)]


def templates_of(options_class: type) -> list[OptionTemplate[Any]]:
    """The option families of a class, in the order of their declaration."""
    return [value for value in vars(options_class).values() if isinstance(value, OptionTemplate)]


@dataclass(frozen=True, slots=True)
class _Index:
    """The options by current and by former key, and the families."""

    options: dict[str, ConfigOption[Any]]
    former: dict[str, tuple[ConfigOption[Any], FormerKey]]
    templates: tuple[OptionTemplate[Any], ...]


def _build_index() -> _Index:
    options: dict[str, ConfigOption[Any]] = {}
    former: dict[str, tuple[ConfigOption[Any], FormerKey]] = {}
    for option in _all_options():
        if option.key in options:
            raise ValueError(f"two options have the key {option.key}")
        options[option.key] = option
        for former_key in option.former_keys:
            if former_key.key in former:
                raise ValueError(f"two options had the key {former_key.key}")
            former[former_key.key] = (option, former_key)
    templates = tuple(template for options_class in OPTIONS_CLASSES for template in templates_of(options_class))
    return _Index(options, former, templates)


def _all_options() -> Iterator[ConfigOption[Any]]:
    for options_class in OPTIONS_CLASSES:
        yield from options_of(options_class)


_INDEX = _build_index()


def find_option(key: str) -> ConfigOption[Any] | None:
    """The option that has, or once had, this key."""
    if key in _INDEX.options:
        return _INDEX.options[key]
    if key in _INDEX.former:
        return _INDEX.former[key][0]
    for template in _INDEX.templates:
        option = template.match(key)
        if option is not None:
            return option
    return None


def current_setting(key: str, value: str = "") -> tuple[str, str]:
    """The current name of a key, and the value as the current option means it. Unknown keys come back unchanged."""
    if key in _INDEX.options:
        return key, value
    if key in _INDEX.former:
        option, former_key = _INDEX.former[key]
        return option.key, former_key.convert(value) if former_key.convert is not None and value else value
    for template in _INDEX.templates:
        matched = template.match(key)
        if matched is not None:
            return matched.key, value
    return key, value


def is_prefix_of_known_key(prefix: str) -> bool:
    """Whether ``prefix`` is a section that holds known keys, such as ``taskmanager.network``."""
    dotted = prefix + "."
    keys = [*_INDEX.options, *_INDEX.former, *(template.key for template in _INDEX.templates)]
    return any(key.startswith(dotted) for key in keys)


def nearest_key(key: str) -> str | None:
    """The known key that is most like an unknown one; ``None`` where none is like it."""
    known = [*_INDEX.options, *_INDEX.former]
    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.lower(), folded, n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    # Often only the section is forgotten or wrong.
    last_words = {name.lower().rpartition(".")[2]: name for name in reversed(known)}
    close = difflib.get_close_matches(key.lower().rpartition(".")[2], last_words, n=1, cutoff=0.8)
    return last_words[close[0]] if close else None
