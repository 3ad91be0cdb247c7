"""``/datasets``: what jobs leave in the cluster for others. Millstream's jobs leave nothing."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import NotFoundError
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.datasets import ClusterDataSetList
from millstream.dispatcher.rest.messages.operations import OperationResult, TriggerResponse
from millstream.dispatcher.rest.parameters import HEX_ID, TriggerIdPath
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_DELETION: Final = "data-set-deletion"

DataSetIdPath = Annotated[str, Path(alias="datasetid", pattern=HEX_ID, description="Id of a data set.")]


def make_router(context: RestContext) -> APIRouter:
    """Data sets in the cluster."""
    router = APIRouter(tags=["datasets"])

    @router.get("/datasets", response_model=ClusterDataSetList)
    async def get_cluster_data_set_list() -> Response:
        """All data sets."""
        return json_response(ClusterDataSetList(data_sets=[]))

    @router.get("/datasets/delete/{triggerid}", response_model=OperationResult)
    async def get_cluster_data_set_delete_status(trigger_id: TriggerIdPath) -> Response:
        """How a deletion stands."""
        result = context.operations.poll(_DELETION, trigger_id)
        if result is None:
            raise NotFoundError(f"There is no data set deletion operation with triggerId={trigger_id}.")
        return json_response(result)

    @router.delete("/datasets/{datasetid}", status_code=202, response_model=TriggerResponse)
    async def delete_cluster_data_set(data_set_id: DataSetIdPath) -> Response:  # noqa: ARG001  # there is none
        """Begin to delete a data set; one that is not there is deleted at once."""

        async def nothing() -> EmptyMessage:
            return EmptyMessage()

        return json_response(TriggerResponse(request_id=context.operations.trigger(_DELETION, nothing)), 202)

    return router
