"""The application: all routes under both prefixes, and what holds for every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fastapi import APIRouter, FastAPI

from millstream.common.config import RestOptions
from millstream.common.version import VERSION
from millstream.dispatcher.rest import openapi
from millstream.dispatcher.rest.access import AccessGuard, AccessRules
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import ErrorAnswers, handle_errors
from millstream.dispatcher.rest.requests import RequestShaper, VersionPrefix, url_prefix
from millstream.dispatcher.rest.routes import (
    accumulators,
    back_pressure,
    checkpoint_trigger,
    checkpoints,
    cluster,
    datasets,
    exceptions,
    execution_result,
    flame_graphs,
    jars,
    job_config,
    job_plan,
    job_submission,
    jobmanager,
    jobs,
    log_levels,
    metrics,
    profiler,
    rescaling,
    rpc_tunnel,
    savepoints,
    taskmanagers,
    vertices,
    watermarks,
)
from millstream.dispatcher.rest.static_files import StaticFile, StaticFiles

__all__ = ["make_application"]

_ROUTERS: Final[tuple[Callable[[RestContext], APIRouter], ...]] = (
    cluster.make_router,
    metrics.make_router,
    watermarks.make_router,
    back_pressure.make_router,
    flame_graphs.make_router,
    savepoints.make_router,
    rescaling.make_router,
    datasets.make_router,
    log_levels.make_router,
    jars.make_router,
    job_submission.make_router,
    rpc_tunnel.make_router,
    jobmanager.make_router,
    taskmanagers.make_router,
    profiler.make_router,
    job_plan.make_router,
    job_config.make_router,
    exceptions.make_router,
    execution_result.make_router,
    accumulators.make_router,
    checkpoints.make_router,
    checkpoint_trigger.make_router,
    vertices.make_router,
    jobs.make_router,
)
"""A route with a fixed path stands before one that has a parameter in that place."""


def make_application(context: RestContext, files: Mapping[str, StaticFile]) -> FastAPI:
    """Return the ASGI application that serves the REST interface. A running event loop is needed.

    :param files: what else is served, by path.
    """
    configuration = context.configuration
    rules = AccessRules.of(configuration)
    application = FastAPI(
        title="Millstream REST API",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    routers = [make_router(context) for make_router in _ROUTERS]
    routers.append(openapi.make_router(application, with_token=rules.token is not None))
    for router in routers:
        # As they are: FastAPI's own way of including them makes each a second time, with the first request.
        application.router.routes.extend(router.routes)
    handle_errors(application)
    # The last one that is added sees a request first.
    application.add_middleware(VersionPrefix)
    application.add_middleware(ErrorAnswers)
    application.add_middleware(
        RequestShaper,
        max_content_length=configuration.get(RestOptions.SERVER_MAX_CONTENT_LENGTH),
    )
    application.add_middleware(StaticFiles, files=files)
    application.add_middleware(AccessGuard, rules=rules, url_prefix=url_prefix(configuration), open_paths=files.keys())
    return application
