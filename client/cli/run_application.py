"""``millstream run-application``: the program runs on the cluster, in a process beside the master."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from millstream.client.cli.action_failure import carried_out
from millstream.client.cli.errors import CliArgsError

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings
    from millstream.client.remote.rest_client import PackageRun

__all__ = ["run_application_action"]


def run_application_action(settings: ClusterSettings, package: str, run: PackageRun) -> int:
    """Send a package to the cluster and start it there.

    :param package: a script, a zip of modules or a wheel, on this machine.
    """
    from millstream.client.remote.rest_client import run_package

    path = Path(package)
    if not path.is_file():
        problem = "is a directory; pack it into a zip" if path.is_dir() else "does not exist"
        raise CliArgsError(f"Could not run the package: {package} {problem}.")

    def start() -> None:
        settings.output.say(f"Sending {path.name} to the cluster.")
        job_id = run_package(settings.configuration, path, run)
        settings.output.say(f"Job has been submitted with JobID {job_id}")
        settings.output.document({"jobs": [{"jid": job_id}]})

    return carried_out(settings, start, f"Could not run {path.name} on the cluster.")
