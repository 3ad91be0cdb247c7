"""The application of the history server: the paths of the REST interface that tell of jobs, for reading."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Response

from millstream.common.clock import Clock
from millstream.common.config import Configuration, HistoryServerOptions, RestOptions
from millstream.common.config.option import ConfigOption
from millstream.common.version import VERSION
from millstream.dispatcher.history.catalogue import Catalogue
from millstream.dispatcher.rest.access import AccessGuard, AccessRules
from millstream.dispatcher.rest.errors import ErrorAnswers, NotFoundError, handle_errors
from millstream.dispatcher.rest.messages.cluster import DashboardConfiguration, Features
from millstream.dispatcher.rest.messages.jobmanager import LogUrl
from millstream.dispatcher.rest.parameters import JobIdPath, TaskManagerIdPath
from millstream.dispatcher.rest.payloads.cluster import dashboard_configuration
from millstream.dispatcher.rest.requests import RequestShaper, url_prefix
from millstream.dispatcher.rest.responses import JsonResponse, json_response
from millstream.dispatcher.rest.static_files import StaticFile, StaticFiles

__all__ = ["make_application"]

_METRICS: Final = ("metrics", "jm-operator-metrics")
"""Last parts of paths of which a job that has ended has nothing to tell."""
_CHECKPOINTS: Final = ("checkpoints", "checkpoints/config")


def make_application(
    configuration: Configuration,
    clock: Clock,
    catalogue: Callable[[], Catalogue],
    find: Callable[[str], Awaitable[bytes | None]],
    files: Mapping[str, StaticFile],
) -> FastAPI:
    """Return the ASGI application that serves archived jobs.

    :param configuration: of the history server, with the REST interface's address and look of the web interface set to
        its own.
    :param catalogue: tells which jobs there are now.
    :param find: finds the body of a path in the archives.
    :param files: what else is served, by path.
    """
    application = FastAPI(
        title="Millstream history server",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=JsonResponse,
    )
    router = _make_router(configuration, clock, catalogue, find)
    application.include_router(router, prefix="/v1")
    application.include_router(router)
    handle_errors(application)
    # The last one that is added sees a request first.
    application.add_middleware(ErrorAnswers)
    application.add_middleware(
        RequestShaper, max_content_length=configuration.get(RestOptions.SERVER_MAX_CONTENT_LENGTH)
    )
    application.add_middleware(StaticFiles, files=files)
    application.add_middleware(
        AccessGuard,
        rules=AccessRules.of(configuration),
        url_prefix=url_prefix(configuration),
        open_paths=files.keys(),
    )
    return application


def _make_router(
    configuration: Configuration,
    clock: Clock,
    catalogue: Callable[[], Catalogue],
    find: Callable[[str], Awaitable[bytes | None]],
) -> APIRouter:
    router = APIRouter()

    @router.get("/config")
    async def get_dashboard_configuration() -> Response:
        """What an interface needs to know first: that there are only jobs that have ended."""
        return json_response(_dashboard(configuration, time.localtime(clock.now_ms() / 1000)))

    @router.get("/overview")
    async def get_cluster_overview() -> Response:
        """How many jobs there are."""
        return json_response(catalogue().cluster)

    @router.get("/jobs")
    async def get_job_ids_with_statuses_overview() -> Response:
        """The ids of all jobs, with their states."""
        return JsonResponse(catalogue().ids)

    @router.get("/jobs/overview")
    async def get_jobs_overview() -> Response:
        """All jobs, in a line each."""
        return JsonResponse(catalogue().overview)

    @router.get("/jobs/{jobid}/jobmanager/log-url")
    async def get_job_manager_log_url(job_id: JobIdPath) -> Response:
        """Where the log of the master that ran the job can be read."""
        _check_known(catalogue(), job_id)
        return _log_url(configuration, HistoryServerOptions.LOG_JOB_MANAGER_URL_PATTERN, job_id, "")

    @router.get("/jobs/{jobid}/taskmanagers/{taskmanagerid}/log-url")
    async def get_task_manager_log_url(job_id: JobIdPath, task_manager_id: TaskManagerIdPath) -> Response:
        """Where the log of a TaskManager that the job was on can be read."""
        _check_known(catalogue(), job_id)
        return _log_url(configuration, HistoryServerOptions.LOG_TASK_MANAGER_URL_PATTERN, job_id, task_manager_id)

    @router.get("/jobs/{jobid}")
    async def get_job(job_id: JobIdPath) -> Response:
        """A job with its vertices and its plan."""
        return await _of_job(job_id, "")

    @router.get("/jobs/{jobid}/{rest:path}")
    async def get_of_job(job_id: JobIdPath, rest: str) -> Response:
        """Whatever else the archive of the job has."""
        return await _of_job(job_id, rest)

    async def _of_job(job_id: str, rest: str) -> Response:
        _check_known(catalogue(), job_id)
        body = await find(f"/jobs/{job_id}/{rest}".lower() if rest else f"/jobs/{job_id}")
        if body is not None:
            return JsonResponse(body)
        if rest.rpartition("/")[2] in _METRICS:
            return json_response([])
        if rest in _CHECKPOINTS:
            raise NotFoundError(f"Checkpointing was not enabled for job {job_id}.")
        raise NotFoundError(f"The archive of job {job_id} has no {rest or 'details'}.")

    return router


def _check_known(catalogue: Catalogue, job_id: str) -> None:
    if job_id not in catalogue.jobs:
        raise NotFoundError(f"Job {job_id} not found")


def _dashboard(configuration: Configuration, zone: time.struct_time) -> DashboardConfiguration:
    features = Features(web_submit=False, web_cancel=False, web_rescale=False, web_history=True)
    return dashboard_configuration(configuration, zone).model_copy(update={"features": features})


def _log_url(
    configuration: Configuration, option: ConfigOption[str | None], job_id: str, task_manager_id: str
) -> Response:
    pattern = configuration.get(option)
    if pattern is None:
        raise NotFoundError(f"Nobody has said where logs are: {option.key} is not set.")
    url = pattern.replace("<jobid>", job_id).replace("<tmid>", quote(task_manager_id, safe=":"))
    return json_response(LogUrl(url=url))
