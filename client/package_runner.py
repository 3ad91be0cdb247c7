"""Runs an uploaded package for a master, in a process of its own: ``python -m millstream.client.package_runner``.

The master starts it with a socket as standard input (:mod:`millstream.client.package_channel`), and ends it when it
takes too long. What the program prints goes to the master's log.
"""

from __future__ import annotations

import importlib
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from millstream.client.cli.errors import fold_traceback
from millstream.client.package_channel import PackageChannel
from millstream.client.package_job_capture import PackageJobCapture, PlanTaken
from millstream.common.config import Configuration, DeploymentOptions
from millstream.common.errors import MillstreamError
from millstream.common.execution import set_context_executor
from millstream.common.wire.package_run_pb2 import PackageEvent, PackageRun
from millstream.datastream.python_files import make_artifact

__all__ = ["describe_failure", "main", "run_package"]


def main() -> int:
    """Run the package, and tell the master how that went."""
    sys.path.pop(0)  # the working directory, which `-m` has put there
    channel = PackageChannel()
    try:
        run_package(channel)
        last = PackageEvent(finished=True)
    except PlanTaken:
        last = PackageEvent(finished=True)
    except SystemExit as ended:
        last = _ended(ended)
    except BaseException as error:  # noqa: BLE001  # whatever the user's program raises is told
        last = PackageEvent(failed=describe_failure(error, Path(channel.run.file).parent))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    channel.tell(last)
    return 0


def run_package(channel: PackageChannel) -> None:
    """Run the program to its end; whatever it raises comes through."""
    run = channel.run
    configuration = Configuration.from_map(dict(run.configuration))
    configuration.remove_config(DeploymentOptions.TARGET.key)
    file = Path(run.file)
    package = make_artifact(file.name, "zip", file.read_bytes()) if run.entry else None
    set_context_executor(PackageJobCapture(channel, package), configuration)
    sys.argv = [file.name, *run.arguments]
    _start(run)


def describe_failure(error: BaseException, directory: Path) -> str:
    """Return what a program ended with: in the first line the error and its place, then the frames of the user's code.

    :param directory: of the package, whose place means nothing to the user.
    """
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(directory)]
    title = (
        str(error)
        if isinstance(error, MillstreamError)
        else "".join(traceback.format_exception_only(type(error), error))
    )
    first, *others = title.strip().splitlines() or [type(error).__name__]
    if inside and not isinstance(error, SyntaxError):
        first += f" ({inside[-1].filename}:{inside[-1].lineno})"
    text = "\n".join([first, *others, "", fold_traceback(error)])
    return text.replace(f"{directory}/", "")


def _start(run: PackageRun) -> None:
    if not run.entry:
        runpy.run_path(run.file, run_name="__main__")
        return
    sys.path.insert(0, run.file)
    module, colon, function = run.entry.partition(":")
    if colon:
        entry: Any = importlib.import_module(module)
        for name in function.split("."):
            entry = getattr(entry, name)
        sys.exit(entry())
    if module == "__main__":
        runpy.run_path(run.file, run_name="__main__")
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _ended(ended: SystemExit) -> PackageEvent:
    if ended.code in (None, 0):
        return PackageEvent(finished=True)
    told = f"exit code {ended.code}" if isinstance(ended.code, int) else f"the message: {ended.code}"
    return PackageEvent(failed=f"The program ended itself with {told}")


if __name__ == "__main__":
    sys.exit(main())
