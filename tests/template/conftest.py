import pytest

from tests.template.facts import Template, read_template


@pytest.fixture(scope="session")
def template() -> Template:
    return read_template()
