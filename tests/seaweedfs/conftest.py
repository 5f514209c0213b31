from collections.abc import Iterator

import pytest

from tests.seaweedfs.server import Endpoint, SeaweedFS


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    server = SeaweedFS(tmp_path_factory.mktemp("seaweedfs"))
    try:
        server.wait_until_ready()
        yield server.endpoint
    finally:
        server.stop()
