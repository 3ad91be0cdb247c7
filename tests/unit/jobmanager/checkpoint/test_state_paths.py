"""Paths in snapshots: relative where they are near, and leading nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.jobmanager.checkpoint.state_paths import (
    InvalidStatePathError,
    absolute_path,
    is_inside,
    relative_path,
)

DIRECTORY = "s3://bucket/job/chk-7"


@pytest.mark.parametrize(
    ("relative", "absolute"),
    [
        ("file", "s3://bucket/job/chk-7/file"),
        ("deep/file", "s3://bucket/job/chk-7/deep/file"),
        ("../shared/file", "s3://bucket/job/shared/file"),
        ("../taskowned/file", "s3://bucket/job/taskowned/file"),
        ("file:///other/file", "file:///other/file"),
        ("/other/file", "/other/file"),
    ],
)
def test_paths_are_resolved_and_made_relative_again(relative: str, absolute: str) -> None:
    assert absolute_path(relative, DIRECTORY) == absolute
    assert absolute_path(relative, DIRECTORY + "/") == absolute
    assert relative_path(absolute, DIRECTORY) == relative


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../file",
        "../shared",
        "../other/file",
        "../shared/../file",
        "../shared/../../file",
        "../../shared/file",
        "a/../../file",
        "./../file",
        "a//b",
        "./a",
        "file:///a/../b",
        "/a/../b",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(InvalidStatePathError, match="chk-7"):
        absolute_path(path, DIRECTORY)


@given(st.text("./abshred:", max_size=20), st.sampled_from([DIRECTORY, "/dir/chk-1", "file:///dir/chk-1/"]))
def test_a_relative_path_stays_near(path: str, directory: str) -> None:
    try:
        absolute = absolute_path(path, directory)
    except InvalidStatePathError:
        return
    if absolute != path:
        parent = directory.rstrip("/").rpartition("/")[0]
        near = [directory, f"{parent}/shared", f"{parent}/taskowned"]
        assert any(is_inside(absolute, one) for one in near)
        assert ".." not in absolute.split("/")
        assert absolute_path(relative_path(absolute, directory), directory) == absolute
