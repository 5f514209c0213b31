"""Who is asked whether a mutant is noticed: whoever runs what it changes, also where that runs but once, at an import."""

import pytest

from tests.proofs.mutants.hunt import equivalents, key
from tests.proofs.mutants.reach import Reach
from tests.proofs.mutants.sites import Site, read, sites

COMMANDS = "trustpress_uploader/commands"
ASKED, NOT_ASKED = "tests/core/test_lru.py::test_asked", "tests/core/test_lru.py::test_not_asked"


def site_at(file: str, before: str, after: str) -> Site:
    (found,) = [site for site in sites(file) if (site.before, site.after) == (before, after)]
    return found


def reach_of(file: str, text: str) -> Reach:
    """One test runs the first line of a file that has this text, another one what is not concerned."""
    reach = Reach({ASKED: 1, NOT_ASKED: 1})
    number = next(number for number, line in enumerate(read(file).splitlines(), 1) if text in line)
    reach.lines[file][number] = [ASKED]
    reach.lines["trustpress/core/lru.py"][1] = [NOT_ASKED]
    return reach


@pytest.mark.parametrize(
    ("site", "reach"),
    [
        pytest.param(
            site_at(f"{COMMANDS}/options.py", "is_flag=True,", "is_flag=False,"),
            reach_of(f"{COMMANDS}/verify.py", "_find(output, place, name, is_trust_disabled)"),
            id="an option, by the body of a command that has it",
        ),
        pytest.param(
            next(site for site in sites(f"{COMMANDS}/options.py") if site.names == ("_ALLOW_WEAK",)),
            reach_of(f"{COMMANDS}/key.py", "keystore.add_elsewhere(source, public_key)"),
            id="an option within others, by the body of a command that has those",
        ),
        pytest.param(
            site_at(f"{COMMANDS}/root.py", 'root_command.add_command(sign_change, "sign")', "pass"),
            reach_of(f"{COMMANDS}/root.py", "rotation.renew_root, asking=asking"),
            id="a call that has no name, by anything of its file",
        ),
        pytest.param(
            site_at("trustpress_uploader/terminal/output.py", "_MANY = 10", "_MANY = 9"),
            reach_of("trustpress_uploader/terminal/output.py", "if len(names) <= _MANY"),
            id="a number, by the line that uses it",
        ),
    ],
)
def test_what_runs_at_an_import_is_reached_by_whoever_uses_it_and_by_nobody_else(site: Site, reach: Reach) -> None:
    assert not site.lines
    assert reach.of(site) == [ASKED]


def test_every_mutant_that_is_excused_is_one_that_there_is() -> None:
    excused = equivalents()
    assert excused.keys() == {key(site) for file, *_ in excused for site in sites(file)} & excused.keys()
    assert all(excused.values())
