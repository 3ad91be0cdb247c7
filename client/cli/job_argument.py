"""The job id among an action's arguments."""

from __future__ import annotations

from millstream.client.cli.errors import CliArgsError
from millstream.client.cli.output import Output
from millstream.common.ids import JobID

__all__ = ["job_argument"]


def job_argument(arguments: tuple[str, ...], missing: str, output: Output, *, needed: int = 1) -> JobID:
    """Return the job id that comes first, and say so if there are superfluous arguments.

    :param missing: what to say if there is none.
    :param needed: so many arguments mean something.
    :raises CliArgsError: there is none, or it is malformed.
    """
    if not arguments:
        raise CliArgsError(missing)
    try:
        job_id = JobID.parse(arguments[0])
    except ValueError as error:
        raise CliArgsError(str(error)) from error
    if len(arguments) > needed:
        output.say("Provided more arguments than required. Ignoring not needed arguments.")
    return job_id
