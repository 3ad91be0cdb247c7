"""I8: only what was complete is restored, always the newest, and no id is given twice.

A checkpoint is complete when its pointer is in ZooKeeper. It looks at the writes there and at what the job's functions
say they go on from; without high availability only at the latter.
"""

from __future__ import annotations

from millstream.testing.simulation.observations import Restore
from millstream.testing.simulation.run_record import RunRecord, ZooKeeperWrite
from millstream.testing.simulation.violation import Violation

__all__ = ["check", "pointer_of"]


def check(run: RunRecord) -> list[Violation]:
    """Look at pointers, counters and restores, in the order of time."""
    return _pointers(run) + _counters(run) + _restores(run)


def pointer_of(write: ZooKeeperWrite) -> tuple[str, int] | None:
    """Return the job and the checkpoint of a pointer; ``None``: it is something else."""
    parts = write.path.split("/")
    if len(parts) == 5 and parts[1] == "jobs" and parts[3] == "checkpoints":
        return parts[2], int(parts[4])
    return None


def _pointers(run: RunRecord) -> list[Violation]:
    newest: dict[str, tuple[int, int]] = {}
    seen: set[tuple[str, int]] = set()
    found = []
    for write in run.writes:
        pointer = pointer_of(write)
        if pointer is None or write.kind != "create":
            continue
        job, checkpoint_id = pointer
        latest, session = newest.get(job, (0, write.session))
        # Pointers that one leader makes at the same time may come in either order; it goes on with the newer one only.
        if pointer in seen or (checkpoint_id < latest and session != write.session):
            text = f"checkpoint {checkpoint_id} of job {job} is complete after checkpoint {latest}"
            found.append(Violation("I8", text, write.at))
        seen.add(pointer)
        newest[job] = max((latest, session), (checkpoint_id, write.session))
    return found


def _counters(run: RunRecord) -> list[Violation]:
    highest: dict[str, tuple[int, int]] = {}
    found = []
    for write in run.writes:
        if not write.path.endswith("/checkpoint_id_counter") or write.kind == "delete" or not write.data:
            continue
        value = int(write.data)
        last, session = highest.get(write.path, (0, write.session))
        if value < last:
            found.append(Violation("I8", f"{write.path} went from {last} back to {value}", write.at))
        elif value == last and session != write.session:
            # Who takes the next id sets it one higher; only the same leader may say the same again.
            found.append(Violation("I8", f"{write.path} was {last} when another leader took the next id", write.at))
        highest[write.path] = max((last, session), (value, write.session))
    return found


def _restores(run: RunRecord) -> list[Violation]:
    created = sorted(
        (write.at, pointer[1]) for write in run.writes if write.kind == "create" and (pointer := pointer_of(write))
    )
    created = sorted(created + run.savepoints) if created else []
    found = []
    newest: list[tuple[float, int]] = []
    for restore in sorted(run.restores, key=lambda each: each.at):
        from_id = restore.checkpoint_id or 0
        who = f"{restore.function}[{restore.subtask}] attempt {restore.attempt}"
        decided = _decided_not_before(restore)
        latest = max((each for at, each in newest if at <= decided), default=0)
        if from_id < latest:
            text = f"{who} goes on from checkpoint {from_id}, after others have gone on from {latest}"
            found.append(Violation("I8", text, restore.at))
        newest.append((restore.at, from_id))
        if not created:
            continue
        if from_id and from_id not in [checkpoint_id for at, checkpoint_id in created if at <= restore.at]:
            found.append(
                Violation("I8", f"{who} goes on from checkpoint {from_id}, which was not complete", restore.at)
            )
            continue
        complete = max((checkpoint_id for at, checkpoint_id in created if at <= decided), default=0)
        if from_id < complete:
            text = f"{who} goes on from checkpoint {from_id}, and {complete} was complete"
            found.append(Violation("I8", text, restore.at))
    return found


def _decided_not_before(restore: Restore) -> float:
    """When at the earliest it was decided what an attempt goes on from.

    The first attempt of a JobMaster in its worker may begin when another JobMaster has long replaced that one: a
    TaskManager that stood still carries out what it was told before, and learns of the change then. It commits nothing,
    for its checkpoints are nobody's.
    """
    if restore.attempt == 0 and restore.worker_since is not None:
        return restore.worker_since
    return restore.at
