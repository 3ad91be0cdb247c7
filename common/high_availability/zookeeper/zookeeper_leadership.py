"""One term of a master that was elected by ZooKeeper: its fence, and what it keeps for its successors under it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence

from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.checkpoint_pointers import ZooKeeperCheckpointPointers
from millstream.common.high_availability.zookeeper.client import (
    CheckNode,
    CreateNode,
    DeleteNode,
    NodeMissingError,
    NodeNotEmptyError,
    Operation,
    ZooKeeperClient,
    ZooKeeperError,
)
from millstream.common.high_availability.zookeeper.fenced_writes import FencedWrites
from millstream.common.high_availability.zookeeper.job_graph_store import ZooKeeperJobGraphStore
from millstream.common.high_availability.zookeeper.job_result_store import ZooKeeperJobResultStore
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.ids import JobID

__all__ = ["ZooKeeperLeadership"]

logger = logging.getLogger(__name__)

_PUBLISHED = FaultPoint("ha.leader-published", "others can find a leader, who does not know yet that they can")
_GRAPH_FORGOTTEN = FaultPoint("ha.job-graph-forgotten", "an ended job's graph is kept no more, its checkpoints are")


class ZooKeeperLeadership:
    """Implements :class:`~millstream.common.high_availability.leadership.Leadership` and
    :class:`~millstream.common.high_availability.zookeeper.fence.Fence`.

    :param client: whose session the term's node belongs to.
    :param node: path of the term's node.
    :param storage: for what is too large for ZooKeeper.
    :param job_graphs: the node below which the pointers to job graphs are.
    :param on_refused: told when ZooKeeper refuses a write because the term is over.
    """

    def __init__(
        self,
        client: ZooKeeperClient,
        node: str,
        storage: HighAvailabilityStorage,
        job_graphs: str,
        on_refused: Callable[[], None],
    ) -> None:
        self._client = client
        self._node = node
        self._on_refused = on_refused
        self._over = ""
        self._writes = FencedWrites(self)
        self._job_graphs = ZooKeeperJobGraphStore(self, storage, job_graphs)
        self._job_results = ZooKeeperJobResultStore(self, storage)
        self._checkpoints: dict[JobID, ZooKeeperCheckpointPointers] = {}
        self._publishing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<leadership {self._node.rpartition('/')[2]}{', over' if self._over else ''}>"

    @property
    def client(self) -> ZooKeeperClient:
        return self._client

    @property
    def is_valid(self) -> bool:
        return not self._over

    @property
    def job_graphs(self) -> ZooKeeperJobGraphStore:
        return self._job_graphs

    @property
    def job_results(self) -> ZooKeeperJobResultStore:
        return self._job_results

    def checkpoints(self, job_id: JobID) -> ZooKeeperCheckpointPointers:
        return self._checkpoints.setdefault(job_id, ZooKeeperCheckpointPointers(self, job_id))

    def end(self, reason: str) -> None:
        """The term is over as far as this process knows. May be called twice."""
        self._over = self._over or reason

    async def commit(self, operations: Sequence[Operation]) -> None:
        if self._over:
            raise self._lost()
        try:
            await self._client.commit([CheckNode(self._node), *operations])
        except NodeMissingError as error:
            # Of the term, or of an operation? Whoever answered has seen what the answer rests on.
            try:
                await self._client.get(self._node)
            except NodeMissingError:
                self.end("its node in ZooKeeper is gone")
                self._on_refused()
                raise self._lost() from error
            raise

    async def publish(self, endpoint: str, leader: LeaderInformation) -> None:
        node = paths.connection_info(endpoint)
        data = json.dumps({"address": leader.address, "session_id": leader.session_id}).encode()
        what = f"Who leads {endpoint}"
        self._writes.check(what)

        async def is_done() -> bool:
            found = await self._writes.find(node)
            return found is not None and found[0] == data and found[1].ephemeral_owner == self._client.session_id

        async with self._publishing:
            if not await is_done():
                await self._writes.ensure(node.rpartition("/")[0])
                found = await self._writes.find(node)
                # Never set: a node that is there may belong to another session, and go with it.
                former = [] if found is None else [DeleteNode(node, found[1].version)]
                await self._writes.commit([*former, CreateNode(node, data, ephemeral=True)], is_done, what)
        _PUBLISHED.reach()

    async def withdraw(self, endpoint: str) -> None:
        if self._over:
            return
        try:
            async with self._publishing:
                await self._remove_leader(paths.connection_info(endpoint))
        except (LeadershipLostError, ZooKeeperError) as error:
            logger.info("%s is not withdrawn, and goes with the term: %s", endpoint, error)

    async def forget_job(self, job_id: JobID) -> None:
        await self._job_graphs.remove(job_id)
        _GRAPH_FORGOTTEN.reach()
        await self.checkpoints(job_id).clear()
        async with self._publishing:
            await self._remove_leader(paths.connection_info(f"jobmaster-{job_id}"))
        self._checkpoints.pop(job_id, None)

    async def clear_former_leaders(self) -> None:
        """Let nobody find the leaders of earlier terms any more, though their processes may still be there.

        :raises LeadershipLostError: the term is over.
        :raises MillstreamError: it ended before it could be found out whether that was done.
        """
        names = await self._writes.latest(lambda: self._writes.children(paths.LEADER))
        for name in names:
            if f"{paths.LEADER}/{name}" != paths.LATCH:
                await self._remove_leader(f"{paths.LEADER}/{name}/connection_info")

    async def _remove_leader(self, node: str) -> None:
        """Delete who leads an endpoint, and the node above, so that jobs that have ended leave nothing."""
        for each in (node, node.rpartition("/")[0]):

            async def is_done(each: str = each) -> bool:
                return await self._writes.find(each) is None

            if await is_done():
                continue
            try:
                await self._writes.commit([DeleteNode(each)], is_done, f"That nobody leads at {node}")
            except NodeMissingError:
                pass  # it went with its session
            except NodeNotEmptyError:
                pass  # there are others' nodes below it

    def _lost(self) -> LeadershipLostError:
        return LeadershipLostError(f"Nothing is written: this master does not lead any more, because {self._over}.")
