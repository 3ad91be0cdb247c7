"""Uploaded packages as answers, and requests as what is to be run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final

from millstream.common.config import CoreOptions, StateOptions
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.packages.package_runs import RunOptions
from millstream.dispatcher.packages.package_store import Package
from millstream.dispatcher.rest.errors import BadRequestError
from millstream.dispatcher.rest.messages import job_plan as messages
from millstream.dispatcher.rest.messages.jars import (
    JarEntryInfo,
    JarFileInfo,
    JarListInfo,
    JarPlanRequest,
    JarRunRequest,
)
from millstream.dispatcher.rest.payloads.job_plan import plan_nodes
from millstream.jobmanager.execution_graph.job_plan import plan_nodes as nodes_of

__all__ = ["entry_reference", "jar_list", "planned_job", "program_arguments", "run_options"]

_REFERENCE: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[^\W\d]\w*(?:\.[^\W\d]\w*)*)?")


def jar_list(packages: Sequence[Package], address: str) -> JarListInfo:
    """Return the packages, in their order.

    :param address: of this server, a URL.
    """
    return JarListInfo(
        address=address,
        files=[
            JarFileInfo(
                id=package.id,
                name=package.name,
                uploaded=package.uploaded_ms,
                entry=[JarEntryInfo(name=entry.name, description=entry.description) for entry in package.entries],
            )
            for package in packages
        ],
    )


def planned_job(graph: JobGraph) -> messages.JobPlan:
    """Return the graph of a job that does not run."""
    return messages.JobPlan(jid=graph.job_id, name=graph.name, type="STREAMING", nodes=plan_nodes(nodes_of(graph)))


def run_options(package: Package, request: JarPlanRequest) -> RunOptions:
    """Return how the request wants the package to be run.

    :raises BadRequestError: it contradicts itself, or names an entry that cannot be one.
    """
    settings = dict(request.flink_configuration or {})
    if request.parallelism is not None:
        settings[CoreOptions.DEFAULT_PARALLELISM.key] = str(request.parallelism)
    if isinstance(request, JarRunRequest):
        if request.savepoint_path:
            settings[StateOptions.RECOVERY_PATH.key] = request.savepoint_path
        if request.allow_non_restored_state is not None:
            settings[StateOptions.RECOVERY_IGNORE_UNCLAIMED_STATE.key] = str(request.allow_non_restored_state).lower()
        claim_mode = request.claim_mode or request.restore_mode
        if claim_mode is not None:
            settings[StateOptions.RECOVERY_CLAIM_MODE.key] = claim_mode
    texts = [*settings, *settings.values(), *(request.program_args_list or ()), request.program_args or ""]
    if any(not text.isascii() and _has_surrogates(text) for text in texts):
        raise BadRequestError("Arguments and settings of a program are texts in Unicode, without lone surrogates.")
    return RunOptions(
        reference=entry_reference(package, request.entry_class or ""),
        arguments=program_arguments(request.program_args or "", request.program_args_list),
        settings=settings,
        job_id=request.job_id or "",
    )


def entry_reference(package: Package, wanted: str) -> str:
    """Return what is started where a client wants this entry.

    :param wanted: an entry's name, ``module`` or ``module:function``; empty: the first entry.
    :raises BadRequestError: there is no such entry.
    """
    known = {entry.name: entry.reference for entry in package.entries}
    if not wanted:
        if not known:
            raise BadRequestError(
                f"Package {package.name!r} has no entry of its own (a __main__.py, an entry point in the group "
                "millstream.jobs): say with entryClass which module is to be run."
            )
        return next(iter(known.values()))
    if wanted in known:
        return known[wanted]
    is_script = package.name.lower().endswith(".py")
    if is_script or _REFERENCE.fullmatch(wanted) is None or _has_surrogates(wanted):
        raise BadRequestError(
            f"Package {package.name!r} has no entry {wanted[:200]!r}; it has: {', '.join(map(repr, known)) or 'none'}."
        )
    return wanted


def program_arguments(text: str, arguments: Sequence[str] | None) -> tuple[str, ...]:
    """Return the arguments of a program.

    :param text: all of them, as in a shell.
    :param arguments: one by one.
    :raises BadRequestError: both are given, or there is an open quotation.
    """
    if text and arguments:
        raise BadRequestError(
            "Confusing request: programArgs and programArgsList are specified, please, use only programArgsList."
        )
    if arguments:
        return tuple(arguments)
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise BadRequestError(f"programArgs cannot be parted into arguments: {error}: {text!r}") from error


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
