"""The mutations still fit the code that they break."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.mutations.catalogue import MUTATIONS
from tests.mutations.mutation import Mutation

_ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_fits_the_code(mutation: Mutation, tmp_path: Path) -> None:
    copy = tmp_path / mutation.path
    copy.parent.mkdir(parents=True)
    copy.write_text((_ROOT / mutation.path).read_text())
    mutation.apply(tmp_path)
    compile(copy.read_text(), mutation.path, "exec")
    assert all((_ROOT / test).exists() for test in mutation.tests)


def test_each_mutation_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(each.name for each in MUTATIONS).items() if count > 1] == []
