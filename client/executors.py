"""The executors behind ``env.execute()``: how a JobGraph gets to the cluster that ``execution.target`` names.

``common.execution.load_executor`` finds this module by name. A local executor runs jobs in an embedded cluster of
this process, a remote one sends them to a master. Neither imports what the other needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from millstream.client.artifacts import add_artifacts, program_artifacts
from millstream.common.config import Configuration, CoreOptions, DeploymentOptions, PythonOptions
from millstream.common.errors import ConfigurationError
from millstream.common.execution import JobClient, PipelineExecutor
from millstream.common.high_availability.mode import uses_zookeeper
from millstream.common.rpc.loopback import is_loopback
from millstream.datastream.python_files import archive_of, artifact_of, local_python_path

if TYPE_CHECKING:
    from millstream.client.remote.cluster_client import ClusterClient
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["LocalExecutor", "RemoteExecutor", "create_executor", "program_directory", "share_import_path"]


def create_executor(target: str, configuration: Configuration) -> PipelineExecutor:
    """Return the executor for ``execution.target``.

    :raises ConfigurationError: there is no such target.
    """
    makers: dict[str, Callable[[Configuration], PipelineExecutor]] = {"local": LocalExecutor, "remote": RemoteExecutor}
    maker = makers.get(target)
    if maker is None:
        raise ConfigurationError(
            f"{DeploymentOptions.TARGET.key}: no executor for target {target!r}; known targets are "
            f"{', '.join(repr(known) for known in makers)}"
        )
    return maker(configuration)


class LocalExecutor:
    """Runs jobs in an embedded cluster of this process."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        from millstream.client.embedded import cluster_for

        settings = self._configuration.copy().add_all(configuration)
        _send_python_files(job_graph, settings)
        share_import_path(job_graph)
        return cluster_for(job_graph, settings).submit(job_graph)

    def default_parallelism(self, configuration: Configuration) -> int:
        from millstream.client.embedded import default_local_parallelism

        settings = self._configuration.copy().add_all(configuration)
        if settings.contains(CoreOptions.DEFAULT_PARALLELISM):
            return settings.get(CoreOptions.DEFAULT_PARALLELISM)
        return default_local_parallelism(settings)

    def attached(self) -> bool:
        return True


class RemoteExecutor:
    """Sends jobs to the master that the settings name, by RPC or by its REST interface, or to the one that leads."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        from millstream.client.remote.connection import connect

        settings = self._configuration.copy().add_all(configuration)
        _send_python_files(job_graph, settings)
        directory = program_directory()
        if directory is not None:
            add_artifacts(job_graph, program_artifacts(directory))
        cluster = connect(settings)
        if is_loopback(_host_of_master(settings, cluster)):
            share_import_path(job_graph)
        return cluster.submit(job_graph)

    def default_parallelism(self, configuration: Configuration) -> int:
        return self._configuration.copy().add_all(configuration).get(CoreOptions.DEFAULT_PARALLELISM)

    def attached(self) -> bool:
        # Flink's default of the option is false, but whoever calls execute() in a plain script waits for the end.
        return not self._configuration.contains(DeploymentOptions.ATTACHED) or self._configuration.get(
            DeploymentOptions.ATTACHED
        )


def _host_of_master(settings: Configuration, cluster: ClusterClient) -> str:
    if uses_zookeeper(settings):
        return cluster.find_leader().address.rpartition(":")[0].strip("[]")
    from millstream.client.remote.connection import master_host

    return master_host(settings)


def program_directory() -> Path | None:
    """Return the directory of the script that runs as ``__main__``, ``None`` in an interactive session."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not file:
        return None
    package = getattr(main, "__package__", None)
    directory = Path(file).resolve().parent
    # `python -m package.module`: what it imports lies beside the package, not beside the module.
    for _ in range(package.count(".") + 1 if package else 0):
        directory = directory.parent
    return directory


def _send_python_files(job_graph: JobGraph, configuration: Configuration) -> None:
    """Add the files of ``python.files`` and ``python.archives`` to those that the program itself has added."""
    files = configuration.get(PythonOptions.FILES) or []
    add_artifacts(job_graph, (artifact_of(Path(file)) for file in files if file))
    for archive in configuration.get(PythonOptions.ARCHIVES) or []:
        path, _, directory = archive.partition("#")
        add_artifacts(job_graph, [archive_of(Path(path), directory or Path(path).name)])


def share_import_path(job_graph: JobGraph) -> None:
    """Let workers on this machine import what this process can, also what the program has not imported yet."""
    known = set(job_graph.python_path)
    job_graph.python_path.extend(path for path in local_python_path() if path not in known)
