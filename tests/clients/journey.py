"""Everything that can be published, one step after another, by a developer who uses python-tuf alone."""

from collections.abc import Iterator
from datetime import timedelta

from tests.publish.world import World
from trustpress.core.overlap import OVERLAP


class Journey:
    """Publishes step by step; `files` is what clients must find after the last one, None for what they must not find."""

    def __init__(self, world: World) -> None:
        self.world, self.developer = world, world.developer
        self.files: dict[str, bytes | None] = {"never/published.txt": None}

    def steps(self) -> Iterator[str]:
        self.world.publish_first()
        yield "the first publish"
        yield from self.change_targets()
        yield from self.delegate()
        yield from self.replace_the_root_key()
        yield from self.replace_the_tagging_key()
        yield from self.replace_a_delegated_key()
        yield from self.replace_the_online_key()
        self.publish_many_versions_at_once()
        yield "ten versions at once"
        yield from self.delegate_to_bins()
        self.world.clock.pass_time(timedelta(hours=13))
        assert self.world.refresher.refresh(self.world.name, self.world.clock)
        yield "a refresh"

    def change_targets(self) -> Iterator[str]:
        self.publish_file("targets", "one.txt", b"1")
        yield "a target"
        self.publish_file("targets", "dir/deep/two.bin", bytes(range(256)) * 400)
        yield "a target in folders"
        self.publish_file("targets", "empty", b"")
        yield "an empty target"
        self.publish_file("targets", "one.txt", b"one")
        yield "a target replaced"
        self.remove("targets", "one.txt")
        yield "a target removed"

    def delegate(self) -> Iterator[str]:
        world, developer = self.world, self.developer
        developer.next_version()
        developer.delegate("docs", "docs/*")
        world.publish(developer.bundle("targets", "docs"), "bundle.json")
        yield "a delegation added"
        self.publish_file("docs", "docs/manual.txt", b"read me")
        yield "a target of a delegated role"
        developer.next_version("docs")
        developer.delegate("german", "docs/de-*", delegator="docs", terminating=True)
        world.publish(developer.bundle("docs", "german"), "bundle.json")
        yield "a nested, terminating delegation"
        self.publish_file("german", "docs/de-manual.txt", b"lies mich")
        yield "a target of the nested role"
        developer.next_version("docs", {"docs/after.txt": b"after"}).delegations = None
        self.files |= {"docs/de-manual.txt": None, "docs/after.txt": b"after"}
        world.publish(developer.signed("docs"), "docs.json", {"docs/after.txt": b"after"})
        yield "the nested delegation removed"

    def replace_the_root_key(self) -> Iterator[str]:
        self.developer.next_root()
        self.developer.replace_key("root")
        self.world.publish(self.developer.signed("root"), "root.json")
        yield "a root with another root key"

    def replace_the_tagging_key(self) -> Iterator[str]:
        world, developer = self.world, self.developer
        former = developer.signers["targets"][0].public_key
        developer.next_root()
        developer.replace_key("targets")
        developer.root.add_key(former, "targets")
        world.publish(developer.signed("root"), "root.json")
        yield "a root with two tagging keys"
        file = {"by/the/new/key.txt": b"new"}
        world.upload_files(file)
        developer.next_version(files=file)
        world.wait(developer.signed(), "E_ROOT")
        world.clock.pass_time(OVERLAP)
        assert [receipt.status for receipt in world.drain()] == ["published"]
        self.files |= file
        yield "targets signed by the new tagging key"
        developer.next_root()
        developer.root.revoke_key(former.keyid, "targets")
        world.wait(developer.signed("root"), "E_ROOT", "root.json")
        world.clock.pass_time(OVERLAP)
        assert [receipt.status for receipt in world.drain()] == ["published"]
        yield "a root without the old tagging key"

    def replace_a_delegated_key(self) -> Iterator[str]:
        self.developer.next_version()
        self.developer.replace_delegated_key("docs")
        self.developer.next_version("docs")
        self.world.publish(self.developer.bundle("targets", "docs"), "bundle.json")
        yield "a delegated role with another key"

    def replace_the_online_key(self) -> Iterator[str]:
        world, developer = self.world, self.developer
        key = world.add_online_key()
        developer.next_root()
        developer.list_online_keys([key])
        world.wait(developer.signed("root"), "E_ROOT", "root.json")
        yield "a release signed by the old and the new online key"
        world.clock.pass_time(OVERLAP)
        assert [receipt.status for receipt in world.drain()] == ["published"]
        yield "a root with another online key"
        world.clock.pass_time(timedelta(hours=1))
        world.signers.pop(world.online.public_key.keyid)
        world.start()
        self.publish_file("docs", "docs/later.txt", b"later")
        assert world.signers_of("timestamp.json") == {key.keyid}
        yield "a release signed by the new online key alone"

    def publish_many_versions_at_once(self) -> None:
        for number in range(10):
            file = {f"many/{number}.txt": b"%d" % number}
            self.world.upload_files(file)
            self.developer.next_version("targets", file)
            self.world.upload(self.developer.signed(), f"{self.developer.roles['targets'].version}.targets.json")
            self.files |= file
        assert {receipt.status for receipt in self.world.drain()} == {"published"}

    def delegate_to_bins(self) -> Iterator[str]:
        world, developer = self.world, self.developer
        developer.next_version("targets").targets.clear()
        bins = developer.delegate_bins(3, "bin")
        self.files = dict.fromkeys(self.files)
        world.publish(developer.bundle("targets", *bins), "bundle.json")
        yield "bins instead of everything that was there"
        for targetpath in ("binned/0.txt", "binned/1.txt", "binned/2.txt"):
            self.publish_file(world.bin_of(targetpath), targetpath, targetpath.encode())
            yield f"{targetpath} in its bin"
        self.remove(world.bin_of("binned/1.txt"), "binned/1.txt")
        yield "a target in a bin removed"

    def publish_file(self, rolename: str, targetpath: str, data: bytes) -> None:
        self.developer.next_version(rolename, {targetpath: data})
        self.world.publish(self.developer.signed(rolename), f"{rolename}.json", {targetpath: data})
        self.files[targetpath] = data

    def remove(self, rolename: str, targetpath: str) -> None:
        del self.developer.next_version(rolename).targets[targetpath]
        self.world.publish(self.developer.signed(rolename), f"{rolename}.json")
        self.files[targetpath] = None
