"""Where everything lies. Golden names: what is deployed and documented depends on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustpress.core import layout
from trustpress.core.layout import InboxKey
from trustpress.errors import BadKey

SEGMENTS = st.from_regex(r"[a-z0-9][a-z0-9._:-]{0,8}", fullmatch=True).filter(lambda segment: segment not in {"metadata", "targets", "v2"})
REPOSITORIES = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
HASH = "0" * 64


def test_every_object_has_its_place() -> None:
    assert [
        layout.inbox_metadata("acme/api"),
        layout.inbox_metadata("acme/api", "targets.json"),
        layout.inbox_target("acme/api", "bin/tool"),
        layout.receipt("acme/api", HASH),
        layout.pending("acme/api"),
        layout.pending("acme/api", "change.json"),
        layout.register("acme/api"),
        layout.sealed_key("snapshot"),
        layout.metadata("acme/api", "root", 3),
        layout.timestamp("acme/api"),
        layout.target("acme/api", "bin/tool", HASH),
        layout.target("acme/api", "tool", HASH),
        layout.online_keys("acme/api"),
    ] == [
        "inbox/acme/api/metadata/",
        "inbox/acme/api/metadata/targets.json",
        "inbox/acme/api/targets/bin/tool",
        f"receipts/acme/api/{HASH}.json",
        "pending/acme/api/",
        "pending/acme/api/change.json",
        "repositories/acme%2Fapi.json",
        "online-keys/snapshot.sealed",
        "acme/api/metadata/3.root.json",
        "acme/api/metadata/timestamp.json",
        f"acme/api/targets/bin/{HASH}.tool",
        f"acme/api/targets/{HASH}.tool",
        "acme/api/metadata/online-keys.json",
    ]


@pytest.mark.parametrize(
    "name", ["a", "0", "acme/api", "docker.io/library/alpine", "localhost:5000/x", "a--b_c", "a..b", "targets2", "v2x/a", "x" * 200]
)
def test_a_repository_name_passes(name: str) -> None:
    assert layout.check_repository(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "a/", "/a", "a//b", "A", ".a", "a/.b", "..", "a/../b", "-a", "_a", "a b", "a%b", "a\n", "é",
        "metadata", "a/targets", "v2/a", "x" * 201,
    ],
)  # fmt: skip
def test_another_repository_name_is_refused(name: str) -> None:
    with pytest.raises(BadKey, match="not a repository name"):
        layout.check_repository(name)


@given(REPOSITORIES, st.text(max_size=20))
def test_an_inbox_key_splits_into_what_it_was_made_of(repository: str, rest: str) -> None:
    assert layout.parse_inbox_key(layout.inbox_metadata(repository, rest)) == InboxKey(repository, "metadata", rest)
    assert layout.parse_inbox_key(layout.inbox_target(repository, rest)) == InboxKey(repository, "targets", rest)


def test_an_inbox_key_splits_at_the_first_reserved_segment() -> None:
    assert layout.parse_inbox_key("inbox/a/targets/metadata/x") == InboxKey("a", "targets", "metadata/x")
    assert layout.parse_inbox_key("inbox/a/metadata/targets/x") == InboxKey("a", "metadata", "targets/x")


@pytest.mark.parametrize(
    "key",
    [
        "", "inbox", "inbox/", "inbox/a", "inbox/a/b/c", "inbox/metadata/x", "outbox/a/metadata/x", "a/metadata/x",
        "inbox/a/metadatax/x", "/inbox/a/metadata/x",
    ],
)  # fmt: skip
def test_a_key_that_is_not_below_an_inbox_is_refused(key: str) -> None:
    with pytest.raises(BadKey, match="not below inbox/"):
        layout.parse_inbox_key(key)


@pytest.mark.parametrize(
    "key", ["inbox//metadata/x", "inbox/A/metadata/x", "inbox/../metadata/x", "inbox/v2/metadata/x", "inbox/metadata/metadata/x"]
)
def test_an_inbox_key_of_no_repository_is_refused(key: str) -> None:
    with pytest.raises(BadKey, match="not a repository name"):
        layout.parse_inbox_key(key)


@pytest.mark.parametrize(
    ("filename", "rolename"),
    [
        ("targets.json", "targets"),
        ("7.targets.json", "targets"),
        ("2147483647.root.json", "root"),
        ("bin-0f.json", "bin-0f"),
        ("1.bin-0f.json", "bin-0f"),
        ("a.b.json", "a.b"),
        ("01.a.json", "01.a"),
        ("x" * 100 + ".json", "x" * 100),
    ],
)
def test_an_uploaded_file_is_named_after_its_role(filename: str, rolename: str) -> None:
    assert layout.parse_rolename(filename) == rolename


@pytest.mark.parametrize(
    "filename",
    [
        "",
        ".json",
        "targets",
        "targets.json.gz",
        "targets.JSON",
        "a/b.json",
        "../a.json",
        "a b.json",
        "a.json\n",
        "é.json",
        "x" * 101 + ".json",
    ],
)
def test_another_file_name_is_refused(filename: str) -> None:
    with pytest.raises(BadKey, match=r"expected ROLE.json or VERSION.ROLE.json"):
        layout.parse_rolename(filename)


@given(REPOSITORIES)
def test_a_register_is_one_object_that_names_its_repository(repository: str) -> None:
    key = layout.register(repository)
    assert key.count("/") == 1
    assert layout.parse_register_key(key) == repository


@pytest.mark.parametrize(
    "key", ["", "repositories/", "repositories/a", "a.json", "registers/a.json", "repositories/.json", "repositories/A.json"]
)
def test_another_key_is_no_register(key: str) -> None:
    with pytest.raises(BadKey):
        layout.parse_register_key(key)


@pytest.mark.parametrize("key", ["repositories/%ff.json", "repositories/a/b.json", "repositories/%61.json"])
def test_a_register_has_one_spelling(key: str) -> None:
    with pytest.raises(BadKey):
        layout.parse_register_key(key)
