"""Operator ids that stay the same from one submission to the next.

State is found again by them. An operator with a uid has an id made of nothing but the uid; any other has one made of
its place in the graph: how many operators come before it, what is chained to it, and the ids of its inputs. Enumerators
have no place of their own: their ids follow from those of their readers.
"""

from __future__ import annotations

import hashlib

from millstream.common.ids import OperatorId
from millstream.datastream.graph.chaining import is_chainable
from millstream.datastream.graph.stream_graph import StreamGraph, StreamNode

__all__ = ["operator_id_of_uid", "operator_ids"]


def operator_ids(graph: StreamGraph) -> dict[int, OperatorId]:
    """The id of each node, by the node's own id."""
    ids: dict[int, OperatorId] = {}
    enumerators: list[tuple[StreamNode, StreamNode]] = []
    position = 0
    for node in graph.nodes.values():
        if node.enumerates_for is not None:
            enumerators.append((node, node.enumerates_for))
            continue
        operator = node.operator
        if operator.uid_hash:
            ids[node.id] = OperatorId(operator.uid_hash)
        elif operator.uid:
            ids[node.id] = operator_id_of_uid(operator.uid)
        else:
            chained = sum(1 for edge in node.out_edges if is_chainable(edge, graph))
            inputs = (ids[edge.source.id] for edge in node.in_edges if edge.source.enumerates_for is None)
            ids[node.id] = _digest("place", str(position), str(chained), *inputs)
        position += 1
    for node, readers in enumerators:
        uid = node.operator.uid
        ids[node.id] = operator_id_of_uid(uid) if uid else _digest("enumerator", ids[readers.id])
    return ids


def operator_id_of_uid(uid: str) -> OperatorId:
    """The id of the operator with this uid."""
    return _digest("uid", uid)


def _digest(*parts: str) -> OperatorId:
    return OperatorId(hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
