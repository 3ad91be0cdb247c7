"""Shared files: each is deleted once, when nobody refers to it any more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.jobmanager.checkpoint.shared_state_registry import SharedStateRegistry


def test_a_file_goes_with_the_last_checkpoint_that_refers_to_it() -> None:
    registry = SharedStateRegistry()
    registry.register(1, ["a", "b"])
    registry.register(2, ["b", "c"])
    registry.register(2, ["b"])
    assert registry.unregister(1) == ["a"]
    assert registry.was_deleted("a")
    assert registry.is_needed("b")
    assert registry.unregister(2) == ["b", "c"]
    assert not registry.is_needed("b")
    assert registry.unregister(2) == []


def test_what_belongs_to_others_is_never_deleted() -> None:
    registry = SharedStateRegistry()
    registry.protect(["a"])
    registry.register(1, ["a", "b"])
    assert registry.unregister(1) == ["b"]
    assert registry.is_needed("a")
    assert registry.is_foreign("a")


def test_what_is_deleted_does_not_come_back() -> None:
    registry = SharedStateRegistry()
    registry.register(1, ["a"])
    registry.unregister(1)
    registry.register(2, ["a"])
    assert not registry.is_needed("a")
    assert registry.unregister(2) == []


@given(
    st.dictionaries(st.integers(1, 6), st.sets(st.sampled_from("abcdef")), min_size=1), st.sets(st.sampled_from("ab"))
)
def test_all_that_is_not_protected_goes_exactly_once(references: dict[int, set[str]], protected: set[str]) -> None:
    registry = SharedStateRegistry()
    registry.protect(protected)
    for checkpoint_id, paths in references.items():
        registry.register(checkpoint_id, paths)
    deleted: list[str] = []
    for checkpoint_id in references:
        deleted += registry.unregister(checkpoint_id)
    assert sorted(deleted) == sorted(set().union(*references.values()) - protected)
