"""From an action's options to a configuration: the file's settings with those of the command line over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from millstream.client.cli.errors import CliArgsError
from millstream.client.cli.output import Output
from millstream.common.config import (
    Configuration,
    CoreOptions,
    DeploymentOptions,
    HighAvailabilityOptions,
    JobManagerOptions,
    PythonOptions,
    RestOptions,
    SecurityOptions,
    StateOptions,
    load_configuration,
)
from millstream.common.errors import ConfigurationError
from millstream.common.file_system import FileSystemError
from millstream.common.file_system.uri import absolute
from millstream.common.high_availability.mode import uses_zookeeper

__all__ = ["ClusterSettings", "ProgramSettings", "master_settings", "parse_dynamic"]

TARGETS = ("remote", "local")


def master_settings(text: str) -> dict[str, str]:
    """Return what ``-m`` sets: the address, as that of the RPC service and of the REST interface. Which of the two it
    is turns out when it is connected to.

    :param text: ``host:port``, or a URL such as ``https://host:port/path``; its port may be left out.
    :raises CliArgsError: it is neither.
    """
    url = urlsplit(text if "://" in text else f"//{text}")
    try:
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    settings: dict[str, str] = {}
    if url.scheme:
        port = port if port is not None else {"http": 80, "https": 443}.get(url.scheme)
        settings[RestOptions.PATH.key] = url.path or "/"
        settings[SecurityOptions.REST_ENABLED.key] = str(url.scheme == "https").lower()
    wrong = url.query or url.fragment or url.username is not None or url.scheme not in ("", "http", "https")
    if not host or not port or wrong or (not url.scheme and url.path):
        raise CliArgsError(
            f"The address {text!r} given with -m (--jobmanager) is neither of the form host:port nor a URL such as "
            "http://host:port/path"
        )
    for address, number in (
        (JobManagerOptions.ADDRESS, JobManagerOptions.PORT),
        (RestOptions.ADDRESS, RestOptions.PORT),
    ):
        settings[address.key] = host
        settings[number.key] = str(port)
    return settings


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What every action knows.

    :ivar configuration: the whole of it.
    :ivar explicit: the keys given on the command line; they win over what a program sets for the deployment.
    :ivar verbose: show whole tracebacks.
    :ivar output: where the action's words go.
    """

    configuration: Configuration
    explicit: Mapping[str, str]
    verbose: bool
    output: Output = field(default_factory=Output)

    @classmethod
    def parse(
        cls,
        jobmanager: str | None,
        dynamic: Sequence[str],
        target: str | None,
        verbose: bool,
        namespace: str | None = None,
        as_json: bool = False,
    ) -> ClusterSettings:
        """Read the configuration file and put the options over it.

        :raises CliArgsError: an option is malformed, or the configuration cannot be read.
        """
        return _read(parse_dynamic(dynamic), jobmanager, target, verbose, namespace, as_json)


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """What ``run`` and ``info`` know.

    :ivar cluster: the settings all actions have.
    :ivar script: the program's file; ``None`` when it is a module.
    :ivar module: the program as a module; ``None`` when it is a script.
    :ivar arguments: the program's own.
    :ivar python_files: import path entries from ``-pyfs`` (``python.files``).
    :ivar classpaths: more such entries, which are there on all machines and so are not sent (``-C``).
    """

    cluster: ClusterSettings
    script: Path | None
    module: str | None
    arguments: tuple[str, ...]
    python_files: tuple[str, ...]
    classpaths: tuple[str, ...]

    @classmethod
    def parse(
        cls,
        jobmanager: str | None,
        dynamic: Sequence[str],
        target: str | None,
        verbose: bool,
        namespace: str | None,
        parallelism: int | None,
        python: str | None,
        module: str | None,
        python_files: str | None,
        arguments: tuple[str, ...],
        savepoint: str | None = None,
        allow_non_restored_state: bool = False,
        claim_mode: str | None = None,
        archives: str | None = None,
        requirements: str | None = None,
        executable: str | None = None,
        client_executable: str | None = None,
        classpaths: Sequence[str] = (),
        as_json: bool = False,
    ) -> ProgramSettings:
        """Find the program and read the configuration.

        :raises CliArgsError: no program is named, or it is not there.
        """
        script: Path | None = None
        if python is not None and module is not None:
            raise CliArgsError("Give either a script (-py) or a module (-pym), not both.")
        if python is None and module is None:
            if not arguments:
                raise CliArgsError("The program is missing. Specify a Python script, or a module with -pym.")
            python, arguments = arguments[0], arguments[1:]
        if python is not None:
            script = Path(python)
            if not script.is_file():
                problem = "is a directory" if script.is_dir() else "does not exist"
                raise CliArgsError(f"Could not run the Python program: {python} {problem}.")
        overlay = parse_dynamic(dynamic)
        if parallelism is not None:
            overlay[CoreOptions.DEFAULT_PARALLELISM.key] = str(parallelism)
        if python_files:
            overlay[PythonOptions.FILES.key] = ",".join(_absolute(name) for name in python_files.split(",") if name)
        if savepoint is not None:
            overlay[StateOptions.RECOVERY_PATH.key] = _path(savepoint)
        if allow_non_restored_state:
            overlay[StateOptions.RECOVERY_IGNORE_UNCLAIMED_STATE.key] = "true"
        if claim_mode is not None:
            overlay[StateOptions.RECOVERY_CLAIM_MODE.key] = claim_mode.upper()
        if archives:
            overlay[PythonOptions.ARCHIVES.key] = ",".join(
                _absolute_archive(name) for name in archives.split(",") if name
            )
        if client_executable is not None:
            overlay[PythonOptions.CLIENT_EXECUTABLE.key] = client_executable
        if executable is not None:
            overlay[PythonOptions.EXECUTABLE.key] = executable
        if requirements is not None:
            raise CliArgsError(
                "Workers install nothing (-pyreq, --pyRequirements): install the packages into the environment of the "
                "TaskManagers, or send them along with -pyfs (.whl, .zip) or -pyarch."
            )
        cluster = _read(overlay, jobmanager, target, verbose, namespace, as_json)
        if executable is not None and cluster.configuration.get(DeploymentOptions.TARGET) != "local":
            raise CliArgsError(
                "The workers' interpreter (-pyexec, --pyExecutable) is the TaskManagers' choice: set "
                f"{PythonOptions.EXECUTABLE.key} in their configuration. It can be given with -t local only."
            )
        files: list[str] = cluster.configuration.get(PythonOptions.FILES)
        return cls(cluster, script, module, tuple(arguments), tuple(files), tuple(map(_classpath, classpaths)))


def _absolute(name: str) -> str:
    path = Path(name.strip()).expanduser()
    if not path.exists():
        raise CliArgsError(f"The file {name!r} given with -pyfs (--pyFiles) does not exist.")
    return str(path.resolve())


def _absolute_archive(name: str) -> str:
    path, separator, target = name.strip().partition("#")
    archive = Path(path).expanduser()
    if not archive.is_file():
        raise CliArgsError(f"The archive {path!r} given with -pyarch (--pyArchives) does not exist.")
    return str(archive.resolve()) + separator + target


def _classpath(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise CliArgsError(
            f"The address {url!r} given with -C (--classpath) is no local path: it must be one that is there on all "
            "machines, such as file:///opt/libraries."
        )
    return str(Path(unquote(parts.path)).absolute())


def _path(savepoint: str) -> str:
    try:
        return absolute(savepoint)
    except FileSystemError as error:
        raise CliArgsError(f"The savepoint given with -s (--fromSavepoint): {error}") from error


def parse_dynamic(entries: Sequence[str]) -> dict[str, str]:
    """Return the settings of ``-D``.

    :raises CliArgsError: one is not ``key=value``.
    """
    pairs: dict[str, str] = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals or not key.strip():
            raise CliArgsError(f"The setting {entry!r} given with -D is not of the form key=value")
        pairs[key.strip()] = value
    return pairs


def _read(
    overlay: dict[str, str],
    jobmanager: str | None,
    target: str | None,
    verbose: bool,
    namespace: str | None,
    as_json: bool,
) -> ClusterSettings:
    if namespace is not None:
        overlay[HighAvailabilityOptions.CLUSTER_ID.key] = namespace
    if jobmanager is not None and target != "local":
        overlay |= master_settings(jobmanager)
    if target is not None:
        if target not in TARGETS:
            raise CliArgsError(f"There is no target {target!r}: -t takes {' or '.join(TARGETS)}.")
        overlay[DeploymentOptions.TARGET.key] = target
    try:
        configuration = load_configuration(dynamic=overlay)
        if jobmanager is not None and uses_zookeeper(configuration):
            # Who names one master wants that one, also where the leader could be looked up.
            overlay[HighAvailabilityOptions.TYPE.key] = "NONE"
            configuration.set(HighAvailabilityOptions.TYPE, "NONE")
    except ConfigurationError as error:
        raise CliArgsError(str(error)) from error
    return ClusterSettings(configuration, overlay, verbose, Output(as_json))
