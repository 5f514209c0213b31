"""What must hold at every instant, whatever fails, as readers of the two buckets see it.

I1 a cold client refreshes and gets every listed target. I2 no warm client ever sees an error or a lower number.
I3 no versioned key changes its bytes. I4 every acknowledged upload is in the snapshot. I6 every byte under N.role.json
verifies under its delegating role. I7 roots 1..N are contiguous and cross-signed. I8 the served timestamp is not expired.
I9 all clients agree. I10 every staged object ends as published, waiting or rejected with a receipt that says
why, and whatever does not wait any more was announced.
(I5, that publishing finishes within two retries, is for whoever counts the retries.)
"""

import hashlib
import json
import re

from tests.proofs.faults.quick_client import QuickClient, expect, parsed
from tests.proofs.faults.stage import NAME, Deployment, signed_members, stage
from tests.readers import Seen

_METADATA = re.compile(rf"{NAME}/metadata/([0-9]+)\.(.+)\.json")
_ONLINE = {"snapshot", "timestamp"}


class Invariants:
    """Looks at one deployment; `look` after every step, `conclude` at the end."""

    def __init__(self, deployment: Deployment) -> None:
        self._staging, self._public, self._clock = deployment.staging, deployment.public, deployment.clock
        self._deployment = deployment
        self._warm = QuickClient(stage().first_root)
        self._bodies: dict[str, bytes] = {}
        self._honest = _honest_roles()
        self._receipts: dict[str, bytes] = {}
        self._writes = (-1, -1)
        self.seen: Seen | None = None

    def look(self) -> None:
        """Raises RefusedError for what a client would not accept, or must not see."""
        writes = tuple(sum(store.calls[operation] for operation in ("PUT", "COPY")) for store in (self._public, self._staging))
        if writes[0] != self._writes[0]:
            self._look_at_keys()
            self._refresh()
        if writes[1] != self._writes[1]:
            self._look_at_receipts()
        self._writes = (writes[0], writes[1])

    def conclude(self) -> None:
        """When faults have stopped and everything was looked at again."""
        self._writes = (-1, -1)
        self.look()
        for work in self._deployment.uploaded.values():
            receipt = self._receipts.get(_receipt_key(work.body))
            expect(receipt is not None, f"{work.filename} has no receipt")
            assert receipt is not None
            told = json.loads(receipt)
            is_heard = any(event.detail["sha256"] == told["sha256"] for event in self._deployment.announcer.events)
            expect(is_heard or told["status"] == "waiting", f"nobody has heard what became of {work.filename}")
            in_inbox = f"inbox/{NAME}/metadata/{work.filename}" in self._staging.objects
            expect(in_inbox == (told["status"] == "waiting"), f"{work.filename} is {told['status']}, in the inbox: {in_inbox}")
            expect(told["status"] == "published" or bool(told["code"] and told["message"] and told["hint"]), "a receipt without a reason")

    def statuses(self) -> dict[str, str]:
        """What became of each upload, by filename."""
        return {
            work.filename: json.loads(self._receipts[_receipt_key(work.body)])["status"]
            for work in self._deployment.uploaded.values()
            if _receipt_key(work.body) in self._receipts
        }

    def fetch(self, path: str) -> bytes | None:
        versions = self._public.objects.get(f"{NAME}/{path}")
        return versions[-1].body if versions else None

    def _refresh(self) -> None:
        """I1, I2, I6, I7, I8, I9."""
        now = self._clock.now()
        seen = self._warm.refresh(self.fetch, now)
        cold = QuickClient(stage().first_root).refresh(self.fetch, now)
        expect(cold == seen, f"a cold client sees {cold}, a warm one {seen}")
        expect(self.seen is None or not seen.is_older_than(self.seen), f"{seen} comes after {self.seen}")
        self.seen = seen

    def _look_at_keys(self) -> None:
        """I3, I6, I7: what was there is there, and what is new was signed by somebody who may."""
        for key, body in self._bodies.items():
            expect(self._public.objects[key][-1].body is body, f"{key} has changed")
        roots = 0
        for key, versions in self._public.objects.items():
            match = _METADATA.fullmatch(key)
            roots += bool(match and match[2] == "root")
            if key in self._bodies or not match:
                continue
            self._bodies[key] = versions[-1].body
            if match[2] not in _ONLINE:
                signed = parsed(versions[-1].body)["signed"]
                expect(signed in self._honest[match[2]], f"{key} is not what its holders have signed")
        expect(self._public.objects.keys() >= {f"{NAME}/metadata/{number + 1}.root.json" for number in range(roots)}, "roots have a gap")

    def _look_at_receipts(self) -> None:
        """I4."""
        for key, versions in self._staging.objects.items():
            if key.startswith("receipts/") and versions[-1].body is not self._receipts.get(key):
                former, self._receipts[key] = self._receipts.get(key), versions[-1].body
                self._look_at_receipt(json.loads(versions[-1].body), json.loads(former) if former else {})

    def _look_at_receipt(self, told: dict[str, object], before: dict[str, object]) -> None:
        is_another_version = told["version_id"] != before.get("version_id") and before.get("status") == "rejected"
        is_final = before.get("status") in {"published", "rejected"} and not is_another_version
        expect(not is_final or before["status"] == told["status"], f"a receipt changed from {before} to {told}")
        if told["status"] != "published":
            return
        roles = told["roles"]
        assert isinstance(roles, dict)
        if self.seen is None:
            self._refresh()
        assert self.seen is not None
        for rolename, version in roles.items():
            published = self.seen.root if rolename == "root" else self.seen.meta.get(f"{rolename}.json", 0)
            expect(published >= version, f"{rolename} {version} is acknowledged and not in the snapshot")


def _honest_roles() -> dict[str, list[object]]:
    """By role, the `signed` members that the right holders have signed."""
    found: dict[str, list[object]] = {"root": [], "targets": [], "docs": [], "tools": []}
    for key, versions in stage().public.items():
        if (match := _METADATA.fullmatch(key)) and match[2] not in _ONLINE:
            found[match[2]].append(json.loads(versions[-1].body)["signed"])
    for work in stage().work.values():
        for rolename, signed in signed_members(work.body) if work.is_good else []:
            is_delegated = rolename == "targets" and "targets" not in work.filename
            named = re.sub(r"[0-9]+\.|\.json|-rival", "", work.filename)
            found[named if is_delegated else rolename].append(signed)
    return found


def _receipt_key(body: bytes) -> str:
    return f"receipts/{NAME}/{hashlib.sha256(body).hexdigest()}.json"
