"""Two processes share out the suites: one begins with those that wait for a cloud, the other with those that compute.

They meet among the many small files in between, so that neither is idle for long.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Suites that share a server stay in one process.
TOGETHER = ("stack", "tour", "seaweedfs", "layer", "proofs/drills", "proofs/kills")

WAITING = ("stack", "proofs/drills", "tour")
COMPUTING = "proofs"


def suite_of(nodeid: str) -> str:
    """The folder of a test, within tests/."""
    folders = nodeid.partition("::")[0].split("/")[1:-1]
    return "/".join(folders[: 2 if folders[:1] == ["proofs"] else 1])


def in_order(item: pytest.Item) -> tuple[int, ...]:
    suite = suite_of(item.nodeid)
    return (WAITING.index(suite) if suite in WAITING else len(WAITING), suite.startswith(COMPUTING))


class Lanes(LoadScopeScheduling):
    """The first process works from the front, the other from the end, each through one piece of work after the other.

    xdist's own groups (`--dist loadgroup`) do nothing with this version of pytest.
    """

    def _split_scope(self, nodeid: str) -> str:
        """A suite or a file, and apart from it what is told once more on SeaweedFS."""
        suite = suite_of(nodeid)
        if suite == "uploader" and "[SeaweedFS" in nodeid:
            return "uploader on SeaweedFS"
        return suite if suite in TOGETHER else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
