"""The desks and the deployment of the command line's stories; a deployment that serves many, and clients of both kinds."""

from collections.abc import Iterator

import pytest

from tests.attacks.both import Lab, running_lab
from tests.attacks.fleet import Fleet
from tests.clients.conftest import installed_tuf_js
from tests.fakes import FakeClock
from tests.uploader.conftest import deployment, new_desk, quick

__all__ = ["deployment", "installed_tuf_js", "new_desk", "quick"]


@pytest.fixture(scope="session")
def lab(installed_tuf_js: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("tuf-js")) as lab:
        yield lab


@pytest.fixture
def fleet(lab: Lab) -> Fleet:
    return Fleet(FakeClock(), lab=lab)
