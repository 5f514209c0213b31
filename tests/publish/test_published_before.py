"""Rules that became stricter: what was published before them is renewed as it is, and what is new is held to them."""

import pytest

from tests.publish.world import World
from trustpress.core import tree


@pytest.fixture
def sharing(running: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Docs and tools share a key, and neither says which it is; docs's key is a targets key as well."""
    developer = running.developer
    developer.next_version()
    developer.delegate("docs", "docs/*")
    developer.signers["tools"] = developer.signers["docs"]
    developer.delegate("tools", "tools/*")
    with monkeypatch.context() as before:
        before.setattr(tree, "verify_says_its_name", lambda *_: None)
        running.publish(developer.bundle("targets", "docs", "tools"))
        before.setattr(tree, "verify_no_delegated_keys", lambda *_: None)
        developer.next_root().add_key(developer.signers["docs"][0].public_key, "targets")
        running.publish(developer.signed("root"), "root.json")
    running.clock.pass_time(running.overlap)
    return running


def test_roles_that_share_a_key_are_renewed_without_names(sharing: World) -> None:
    sharing.developer.next_version("docs")
    sharing.publish(sharing.developer.signed("docs"), "docs.json")


def test_what_has_said_its_name_goes_on_saying_it(sharing: World) -> None:
    sharing.developer.next_version("docs").unrecognized_fields["x-trustpress-role"] = "docs"
    sharing.publish(sharing.developer.signed("docs"), "docs.json")
    del sharing.developer.next_version("docs").unrecognized_fields["x-trustpress-role"]
    sharing.refuse(sharing.developer.signed("docs"), "E_AUTH", "docs.json")


def test_a_third_role_with_that_key_says_its_name(sharing: World) -> None:
    sharing.developer.next_version()
    sharing.developer.signers["more"] = sharing.developer.signers["docs"]
    sharing.developer.delegate("more", "more/*")
    sharing.refuse(sharing.developer.bundle("targets", "more"), "E_DELEG")


def test_a_root_that_has_a_delegated_key_is_renewed_and_gives_it_to_no_other_role(sharing: World) -> None:
    key = sharing.developer.signers["docs"][0]
    sharing.developer.next_root()
    sharing.publish(sharing.developer.signed("root"), "root.json")
    sharing.developer.signers["root"].append(key)
    sharing.developer.next_root().add_key(key.public_key, "root")
    sharing.refuse(sharing.developer.signed("root"), "E_ROOT", "root.json")
