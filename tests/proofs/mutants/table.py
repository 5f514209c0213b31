"""What could be left out, by name, and who notices."""

from tests.proofs.mutants.mutant import Mutant

COMMIT, TRUST, VERSIONS = "tests/publish/test_commit.py", "tests/core/test_trust.py", "tests/publish/test_versions.py"
WRITES, DELEGATIONS, BROKEN = "tests/publish/test_writes.py", "tests/publish/test_delegations.py", "tests/publish/test_broken.py"
STOLEN = "tests/attacks/test_publish_function_stolen.py"

DERIVED = "tests/publish/test_derived_keys.py"

MUTANTS = (
    Mutant(
        "drop If-Match",
        "store/writes.py",
        {
            "return store.put_new(key, body, caching) if etag is None else store.replace(key, body, caching, etag)": """
        if etag is None:
            return store.put_new(key, body, caching)
        store.put(key, body, caching)
        found = store.get(key, limit=len(body))
        return found.etag if found else etag"""
        },
        (f"{COMMIT}::test_whoever_loses_the_race_builds_on_what_the_winner_published",),
    ),
    Mutant(
        "drop If-None-Match",
        "store/writes.py",
        {"store.put_new(key, body, Caching.IMMUTABLE)": "store.put(key, body, Caching.IMMUTABLE)"},
        (f"{VERSIONS}::test_a_role_file_that_nobody_lists_but_with_other_bytes_keeps_its_number",),
    ),
    Mutant(
        "drop the orphan probe",
        "publish/commit.py",
        {"range(version + 1, version + 1 + _MAX_ORPHANS)": "range(version + 1, version + 2)"},
        (f"{COMMIT}::test_an_orphan_snapshot_is_stepped_over",),
    ),
    Mutant(
        "swap the write order",
        "publish/commit.py",
        {
            'if put_immutable(self._public, layout.metadata(repository.name, "snapshot", number), snapshot.body):': (
                'if self._public.head(layout.metadata(repository.name, "snapshot", number)) is None:'
            ),
            "return self._swap_timestamp(repository, change, snapshot, now)": """
        committed = self._swap_timestamp(repository, change, snapshot, now)
        put_immutable(self._public, layout.metadata(repository.name, "snapshot", snapshot.signed.version), snapshot.body)
        return committed""",
        },
        (f"{COMMIT}::test_a_crash_at_any_write_is_healed_by_the_next_run",),
    ),
    Mutant(
        "drop a role from the carried meta",
        "core/release.py",
        {"listed = dict(previous.meta) if previous else {}": "listed = dict([*previous.meta.items()][1:]) if previous else {}"},
        ("tests/core/test_release.py::test_the_next_snapshot_keeps_what_was_listed",),
    ),
    Mutant(
        "count keyids instead of keys",
        "core/trust.py",
        {
            "if key.material in signed_by:": "if key.keyid in signed_by:",
            "signed_by.add(key.material)": "signed_by.add(key.keyid)",
        },
        (f"{TRUST}::test_one_key_under_two_keyids_does_not_count_twice",),
    ),
    Mutant(
        "count keyids instead of keys, as a client",
        "core/trust.py",
        {"        key.material\n        for signature": "        key.keyid\n        for signature"},
        (f"{TRUST}::test_one_key_under_two_keyids_does_not_count_twice",),
    ),
    Mutant(
        "accept version jumps",
        "core/trust.py",
        {"    if version > expected:\n": "    if version > expected + MAX_GAP:\n"},
        (f"{TRUST}::test_a_version_that_skips_numbers_is_an_attack",),
    ),
    Mutant(
        "take a version ahead of its turn for a mistake",
        "publish/draft.py",
        {"        if newest + 1 < version <= newest + 1 + trust.MAX_GAP:\n": "        if False:\n"},
        (f"{VERSIONS}::test_a_version_ahead_of_its_turn_waits_for_those_between",),
    ),
    Mutant(
        "skip the delegation path check",
        "publish/draft.py",
        {"        trust.verify_authority(rolename, document.signed, chain)\n": ""},
        (f"{DELEGATIONS}::test_a_delegated_role_stays_within_its_paths",),
    ),
    Mutant(
        "accept equal timestamp versions",
        "core/trust.py",
        {"timestamp.signed.version <= old_timestamp.version": "timestamp.signed.version < old_timestamp.version"},
        (f"{TRUST}::test_a_timestamp_that_does_not_go_up_is_refused",),
    ),
    Mutant(
        "skip self-verification",
        "publish/commit.py",
        {"        _verify_own_work(repository, timestamp, snapshot, change.root.signed)\n": ""},
        (f"{COMMIT}::test_a_release_that_does_not_verify_is_not_committed",),
    ),
    Mutant(
        "skip the read-back of an unanswered commit",
        "store/writes.py",
        {"        if found is None or found.body != body:\n": "        if True:\n"},
        (f"{COMMIT}::test_a_commit_that_happened_without_an_answer_is_recognised_as_ours",),
    ),
    Mutant(
        "take any refusal for the same bytes",
        "store/writes.py",
        {"        return found.body == body\n": "        return True\n"},
        (f"{WRITES}::test_other_bytes_stay",),
    ),
    Mutant(
        "let a root list another repository's online key",
        "online_keys.py",
        {"            if key.material not in own:\n": "            if not own:\n"},
        (f"{DERIVED}::test_a_root_that_lists_another_repositorys_key_is_refused",),
    ),
    Mutant(
        "let a new root list the key that all repositories share",
        "online_keys.py",
        {"own = _materials(self._derived(repository, listed_materials([root])))": "own = _materials(self.of(repository, root))"},
        (f"{DERIVED}::test_a_former_key_signs_for_whoever_lists_it_and_no_new_root_may",),
    ),
    Mutant(
        "derive one key for all repositories",
        "core/derivation.py",
        {"[_PURPOSE, repository.encode(), str(generation).encode()]": "[_PURPOSE, str(generation).encode()]"},
        ("tests/core/test_derivation.py::test_every_master_repository_and_generation_has_a_seed_of_its_own",),
    ),
    Mutant(
        "end a former online key at once",
        "publish/commit.py",
        {" if place > last or signer.public_key.material in served]": " if place > last]"},
        (f"{DERIVED}::test_a_rotation_is_the_next_generation_and_the_former_key_stops_when_caches_have_forgotten",),
    ),
    Mutant(
        "follow roots that the one before did not sign",
        "core/client.py",
        {"        trust.verify_next_root(root.signed, following)\n": ""},
        (f"{BROKEN}::test_a_broken_repository_is_never_written_over[a next root that is forged]",),
    ),
    Mutant(
        "skip the expiry check",
        "publish/draft.py",
        {"        trust.check_expiry(rolename, document.signed.expires, self.evidence.now)\n": ""},
        (f"{VERSIONS}::test_expiry_too_near_or_too_far_is_refused",),
    ),
    Mutant(
        "no cap before reading",
        "publish/inbox.py",
        {"version.key, MAX_TARGETS_LENGTH, version.version_id": "version.key, 2**63, version.version_id"},
        ("tests/publish/test_poison.py::test_an_upload_over_the_cap_is_not_even_read",),
    ),
    Mutant(
        "take a missing timestamp for a first publish",
        "store/loading.py",
        {"if (register and register.timestamp) or (known and known.head):": "if False:"},
        (f"{BROKEN}::test_a_missing_timestamp_is_never_taken_for_a_first_publish",),
    ),
    Mutant(
        "take back the number of a register",
        "store/register.py",
        {"max(ours.timestamp, theirs.timestamp)": "ours.timestamp"},
        (f"{WRITES}::test_a_register_only_ever_goes_up",),
    ),
    Mutant(
        "empty the inbox whatever the verdict",
        "publish/settlement.py",
        {' if receipt.status != "waiting"\n': "\n"},
        (f"{VERSIONS}::test_a_version_ahead_of_its_turn_waits_for_those_between",),
    ),
    Mutant(
        "show no delegation that stays",
        "changes/words.py",
        {'f"delegates {_scope(role)}")': '"" if name in old else _scope(role))'},
        ("tests/uploader/test_vouching.py::TestShowing::test_what_stays_is_told_as_completely_as_what_is_new",),
        "trustpress_uploader",
    ),
    Mutant(
        "show nothing of what delegated roles list",
        "changes/vouched.py",
        {"    _tell_delegated(shown, latest, view)\n": ""},
        ("tests/uploader/test_vouching.py::TestShowing::test_what_cannot_be_seen_is_said",),
        "trustpress_uploader",
    ),
    Mutant(
        "keep delegations that stand by a key that goes",
        "plans/way_back.py",
        {"name not in standing]": "name not in standing and not name]"},
        ("tests/uploader/test_vouching.py::TestStanding::test_who_signs_with_a_key_that_goes_falls_and_keeps_the_others",),
        "trustpress_uploader",
    ),
    Mutant(
        "accept a delegated key in root",
        "publish/draft.py",
        {"        if self.root and former:\n": "        if False:\n"},
        ("tests/attacks/test_a_delegated_key.py::test_no_root_makes_a_signers_key_one_of_its_own",),
    ),
    Mutant(
        "accept a root from a build system",
        "core/parse.py",
        {'    if "root" in names and not may_hold_root(filename):\n': "    if False:\n"},
        ("tests/attacks/test_squatting.py::test_who_may_only_push_pins_nothing_and_the_owner_is_not_refused",),
    ),
    Mutant(
        "accept what was signed for another repository",
        "publish/draft.py",
        {"        trust.verify_repository(rolename, document.signed, self.repository.name)\n": ""},
        ("tests/attacks/test_shared_keys.py::test_a_delegated_role_of_one_is_refused_by_the_other",),
    ),
    Mutant(
        "have whoever brings root and targets together break an overlap",
        "publish/draft.py",
        {"            if not is_at_once:\n": '            if "root" not in bundle:\n'},
        ("tests/attacks/test_a_waiting_targets.py::test_who_brings_targets_that_wait_and_the_public_root_together_shows_them_no_sooner",),
    ),
    Mutant(
        "leave a junk root where it is",
        "recover/junk.py",
        {" if number not in ends]": " if False]"},
        (f"{STOLEN}::test_a_root_that_the_thief_signs_himself_is_junk_too",),
    ),
    Mutant(
        "take a listing of roots to be of one instant",
        "recover/archive.py",
        {"        if (listed and listed.version_id) != (now and now.version_id):\n            raise Conflict(key)\n": ""},
        (f"{STOLEN}::test_a_root_of_the_owners_is_not_taken_for_junk_because_the_one_before_it_came_too_late",),
    ),
    Mutant(
        "bring back what names another repository",
        "recover/salvage.py",
        {" and document.signed.repository in {None, self._archive.name}": ""},
        ("tests/attacks/test_shared_keys.py::test_a_role_of_one_does_not_come_back_as_the_others",),
    ),
    Mutant(
        "believe whoever wrote the register last",
        "recover/registers.py",
        {" and _agrees(register, stored, archive, chain):": ":"},
        (f"{STOLEN}::test_of_a_register_the_newest_version_that_agrees_with_what_is_signed_is_taken[another_root]",),
    ),
    Mutant(
        "write whatever root publish asks for",
        "publish/roots.py",
        {"            trust.verify_next_root(former.signed, root)\n": ""},
        ("tests/publish/test_roots.py::test_a_root_that_the_one_before_did_not_sign_is_refused",),
    ),
    Mutant(
        "refresh without asking for the next root",
        "publish/refresher.py",
        {"self._repositories.follow_roots(self._repositories.confirm(repository))": "self._repositories.confirm(repository)"},
        (f"{STOLEN}::test_a_refresh_that_is_due_asks_for_the_next_root_and_rings",),
    ),
)
