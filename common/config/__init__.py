"""Configuration: typed options with Flink's keys, and how they are loaded.

Read an option with ``configuration.get(TaskManagerOptions.NUM_TASK_SLOTS)``. The options themselves are listed in
``docs/configuration.md``, which is generated from them.
"""

from __future__ import annotations

from millstream.common.config.blob_server_options import BlobServerOptions
from millstream.common.config.checkpointing_options import CheckpointingOptions
from millstream.common.config.client_options import ClientOptions
from millstream.common.config.cluster_options import ClusterOptions
from millstream.common.config.configuration import Configuration
from millstream.common.config.core_options import CoreOptions
from millstream.common.config.deployment_options import DeploymentOptions
from millstream.common.config.duration import format_duration, parse_duration
from millstream.common.config.env_options import EnvOptions
from millstream.common.config.execution_options import ExecutionOptions
from millstream.common.config.file_system_options import FileSystemOptions
from millstream.common.config.heartbeat_options import HeartbeatOptions
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.config.history_server_options import HistoryServerOptions
from millstream.common.config.job_manager_options import JobManagerOptions
from millstream.common.config.loading import load_configuration, parse_dynamic_properties
from millstream.common.config.local_options import LocalOptions
from millstream.common.config.memory_size import format_memory_size, parse_memory_size
from millstream.common.config.metric_options import MetricOptions
from millstream.common.config.option import ConfigOption, OptionTemplate
from millstream.common.config.pipeline_options import PipelineOptions
from millstream.common.config.port_range import parse_port_range
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

__all__ = [
    "BlobServerOptions",
    "CheckpointingOptions",
    "ClientOptions",
    "ClusterOptions",
    "ConfigOption",
    "Configuration",
    "CoreOptions",
    "DeploymentOptions",
    "EnvOptions",
    "ExecutionOptions",
    "FileSystemOptions",
    "HeartbeatOptions",
    "HighAvailabilityOptions",
    "HistoryServerOptions",
    "JobManagerOptions",
    "LocalOptions",
    "MetricOptions",
    "OptionTemplate",
    "PipelineOptions",
    "PythonOptions",
    "QueryableStateOptions",
    "ResourceManagerOptions",
    "RestOptions",
    "RestartStrategyOptions",
    "RocksDbMetricOptions",
    "RocksDbOptions",
    "RpcOptions",
    "SecurityOptions",
    "StateOptions",
    "TaskManagerMemoryOptions",
    "TaskManagerOptions",
    "WebOptions",
    "format_duration",
    "format_memory_size",
    "load_configuration",
    "parse_duration",
    "parse_dynamic_properties",
    "parse_memory_size",
    "parse_port_range",
]
