from collections.abc import Iterator

import pytest

from tests.s3 import S3
from tests.seaweedfs.server import ADMINISTRATOR, Endpoint, SeaweedFS


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    server = SeaweedFS(tmp_path_factory.mktemp("seaweedfs"))
    try:
        server.wait_until_ready()
        yield server.endpoint
    finally:
        server.stop()


@pytest.fixture(scope="session")
def look_alike() -> Iterator[Endpoint]:
    server = S3({}, ADMINISTRATOR)
    yield Endpoint(server.port)
    server.stop()
