"""Data sets that jobs share by keeping them in the cluster."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import CamelMessage

__all__ = ["ClusterDataSet", "ClusterDataSetList"]


class ClusterDataSet(CamelMessage):
    """One of them."""

    id: str
    is_complete: bool


class ClusterDataSetList(CamelMessage):
    """All of them."""

    data_sets: list[ClusterDataSet]
