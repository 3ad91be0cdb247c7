"""``/overview``, ``/config``, ``/cluster``."""

from __future__ import annotations

import time

from fastapi import APIRouter, Response

from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.cluster import ClusterOverviewInfo, DashboardConfiguration
from millstream.dispatcher.rest.payloads.cluster import cluster_overview, dashboard_configuration
from millstream.dispatcher.rest.responses import empty_response, json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The routes of the cluster as a whole."""
    router = APIRouter(tags=["cluster"])

    @router.get("/overview", response_model=ClusterOverviewInfo)
    async def get_cluster_overview() -> Response:
        """How large the cluster is and how many jobs it knows."""
        return json_response(cluster_overview(await context.cluster.dispatcher.get_cluster_overview(pb.Empty())))

    @router.get("/config", response_model=DashboardConfiguration)
    async def get_dashboard_configuration() -> Response:
        """What an interface needs to know first."""
        zone = time.localtime(context.clock.now_ms() / 1000)
        return json_response(dashboard_configuration(context.configuration, zone))

    @router.delete("/cluster", response_model=EmptyMessage)
    async def shut_down_cluster() -> Response:
        """Cancel all jobs and end the cluster. The answer comes before that is done."""
        await context.cluster.dispatcher.shut_down_cluster(pb.Empty())
        return empty_response()

    return router
