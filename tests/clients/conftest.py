from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.tuf_js import TufJs, install_tuf_js


@pytest.fixture(scope="session")
def installed_tuf_js() -> None:
    install_tuf_js()


@pytest.fixture
def tuf_js(installed_tuf_js: None, tmp_path: Path) -> Iterator[TufJs]:
    with TufJs(tmp_path / "tuf-js") as reader:
        yield reader
