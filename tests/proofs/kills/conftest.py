from collections.abc import Iterator

import pytest

from tests.proofs.kills.places import Place, running_place


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_place("seaweedfs", tmp_path_factory.mktemp("seaweedfs")) as place:
        yield place
