"""Whatever others have written is shown on the terminal, and never obeyed by it."""

import ast
import functools
import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import pexpect
import pytest
from rich.text import Text

from tests.uploader.desk import ROOT_PASSPHRASE, Desk
from tests.uploader.holders import eventually, key_file, write_public
from trustpress.core import layout
from trustpress.ports import Caching
from trustpress_uploader.commands import main
from trustpress_uploader.terminal import door, tables
from trustpress_uploader.terminal.output import Output
from trustpress_uploader.terminal.progress import WORTH_SHOWING

PATIENCE = 60
FORGED = "Published and all is well"

# The title, the screen, C1, writing backwards, writing nothing, a bell, a line of its own.
TRICK = f"\x1b]0;{FORGED}\x07\x1b[2J\x1b[H\x9b2J\u202egnp\u200b\x7f\r\n{FORGED}\n[red]"
SHOWN = "\\x1b]0;" + FORGED + "\\x07\\x1b[2J\\x1b[H\\x9b2J\\u202egnp\\u200b\\x7f\\r\\n" + FORGED + "\\n[red]"
OBEYED = ("\x1b]", "\x1b[2J", "\x1b[H", "\x9b", "\u202e", "\u200b", "\x07", "\x7f", f"\n{FORGED}")

# The same for where some of it is not allowed: in arguments, paths and XML.
TRICK_OF_ONE_LINE = f"\x1b]0;{FORGED}\x07\u202e"
SHOWN_OF_ONE_LINE = "\\x1b]0;" + FORGED + "\\x07\\u202e"

UPLOADER = Path(door.__file__).parents[1]
PRINTING = {"echo", "secho", "echo_via_pager", "style", "prompt", "confirm", "pause", "progressbar", "getchar"}


def on_terminal(desk: Desk, *arguments: str, environment: dict[str, str] | None = None) -> "pexpect.spawn[bytes]":
    settings = {**os.environ, **desk.environment, **(environment or {}), "TERM": "xterm-256color", "COLUMNS": "1000"}
    program, given = str(Path(sys.executable).with_name("trustpress")), {name: value for name, value in settings.items() if value}
    return pexpect.spawn(program, list(arguments), env=given, timeout=PATIENCE)


def finish(child: Any) -> str:
    """All that the terminal was sent."""
    child.expect(pexpect.EOF)
    child.close()
    shown: str = child.before.decode()
    return shown


def check(shown: str) -> None:
    assert not [trick for trick in OBEYED if trick in shown], shown
    assert "Traceback" not in shown, shown


def put_receipt(desk: Desk, **members: Any) -> None:
    """Answer the upload that waits in the inbox with these words."""
    (upload,) = [key for key in desk.staged() if "/metadata/" in key]
    found = desk.deployment.staging.get(upload, 1_000_000)
    assert found
    key = layout.receipt(desk.repository, hashlib.sha256(found.body).hexdigest())
    desk.deployment.staging.put(key, json.dumps({"roles": {}, **members}).encode(), Caching.PRIVATE)


def waiting_push(desk: Desk, **members: Any) -> str:
    with desk.deployment.asleep():
        child = on_terminal(desk, "push", desk.write("hello.txt", "hello"), "--timeout", "2.5")
        eventually(lambda: bool([key for key in desk.staged() if "/metadata/" in key]))
        put_receipt(desk, **members)
        return finish(child)


def test_the_door_shows_what_a_terminal_would_obey() -> None:
    assert door.printable(TRICK) == SHOWN
    assert door.printable("caf\u00e9 \u65e5\u672c\u8a9e, as it is") == "caf\u00e9 \u65e5\u672c\u8a9e, as it is"
    assert door.printable("\u2028\u2066\ufeff\udc80\U000e0041\u3164") == "\\u2028\\u2066\\ufeff\\udc80\\U000e0041\\u3164"


def test_nothing_else_writes() -> None:
    found = []
    for path in sorted(UPLOADER.rglob("*.py")):
        if path != Path(door.__file__):
            found += [f"{path.relative_to(UPLOADER)}:{line}: {what}" for line, what in _writing(ast.parse(path.read_text()))]
    assert found == []


def _writing(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield node.lineno, "print"
            case ast.Attribute(value=ast.Name(id="click"), attr=name) if name in PRINTING:
                yield node.lineno, f"click.{name}"
            case ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr" | "__stdout__" | "__stderr__" as name):
                yield node.lineno, f"sys.{name}"
            case ast.Attribute(value=ast.Name(id="os"), attr="write" | "ttyname" as name):
                yield node.lineno, f"os.{name}"
            case ast.Attribute(value=ast.Name(id="logging"), attr=name) if name != "getLogger" and not name.isupper():
                yield node.lineno, f"logging.{name}"
            case ast.ImportFrom(module="click"):
                yield from ((node.lineno, f"click.{name.name}") for name in node.names if name.name in PRINTING)
            case ast.ImportFrom(module="rich.console" | "rich.live" | "getpass" | "warnings" as name):
                yield node.lineno, name
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names if name.name in {"rich", "getpass", "warnings"})


def test_a_receipt_that_waits_is_shown_and_not_obeyed(desk: Desk) -> None:
    shown = waiting_push(desk, status="waiting", code=TRICK, message=TRICK, hint=TRICK, note=TRICK)
    check(shown)
    assert "\\x1b]0;" in shown
    assert "E_TIMEOUT" in shown


def test_nor_is_one_that_rejects(desk: Desk) -> None:
    shown = waiting_push(desk, status="rejected", code=f"E_{TRICK}", message=TRICK, hint=TRICK)
    check(shown)
    assert shown.count("\\u202e") == 3


def test_nor_is_one_that_publishes(desk: Desk) -> None:
    shown = waiting_push(desk, status="published", roles={TRICK: 2}, release={TRICK: 3}, note=TRICK)
    check(shown)
    assert shown.count("\\u202e") == 2


def test_what_lies_in_the_bucket_is_not_obeyed(desk: Desk) -> None:
    staging = desk.deployment.staging
    with desk.deployment.asleep():
        desk.run("push", desk.write("hello.txt", "hello"), "--timeout", "0.1", exit_code=3)
        put_receipt(desk, status="waiting", code=TRICK, message=TRICK, hint=TRICK, note=TRICK, upload=TRICK)
        staging.put(f"pending/{desk.repository}/a{TRICK_OF_ONE_LINE}.json", b"{}", Caching.PRIVATE)
        staging.put(f"inbox/{desk.repository}/targets/{TRICK_OF_ONE_LINE}", b"{}", Caching.PRIVATE)
        for arguments in (("status",), ("log",), ("change", "list"), ("change", "show")):
            for options in ((), ("--json",)):
                shown = finish(on_terminal(desk, *arguments, *options))
                check(shown)
                assert ("u001b]0;" if options else "\\x1b]0;") in shown, (arguments, shown)


def test_what_a_change_says_is_not_obeyed(desk: Desk) -> None:
    alice = write_public(desk, "alice", key_file("alice", ROOT_PASSPHRASE)[0])
    desk.run("signer", "add", "alice", "--key", alice, "--paths", "a/*", exit_code=4)
    (key,) = desk.deployment.staging.list_keys(f"pending/{desk.repository}/")
    found = desk.deployment.staging.get(key, 1_000_000)
    assert found
    change = json.loads(found.body)
    change["steps"][0]["alice"]["signed"]["x-note"] = TRICK
    change["steps"][0]["alice"]["signed"]["targets"]["a/b"] = {"length": 1, "hashes": {"sha256": "0" * 64}, "custom": {TRICK: TRICK}}
    file = desk.write("change.json", json.dumps(change))
    for arguments in (("show", file), ("show", file, "--json")):
        check(finish(on_terminal(desk, "change", *arguments)))
    child = on_terminal(desk, "change", "sign", file)
    child.expect("Sign this")
    before = child.before.decode()
    child.sendline("n")
    check(before + finish(child))
    assert "u202e" in before


@pytest.mark.parametrize("command", ["list", "inspect", "status", "diff", "pull a", f"verify a {__file__}", "resolve a"])
def test_what_the_edge_sends_is_not_obeyed(quiet_desk: Desk, command: str) -> None:
    edge, key = quiet_desk.deployment.edge, f"{quiet_desk.repository}/metadata/timestamp.json"
    body = {"signatures": [], "signed": {"_type": TRICK, "spec_version": TRICK, "version": 5, "expires": TRICK, "meta": {}}}
    edge.remembered[key] = json.dumps(body).encode()
    try:
        for arguments in (command.split(), [*command.split(), "--json"]):
            check(finish(on_terminal(quiet_desk, *arguments)))
    finally:
        del edge.remembered[key]


@pytest.mark.parametrize(
    "arguments",
    [
        (TRICK_OF_ONE_LINE,),
        (f"--{TRICK_OF_ONE_LINE}",),
        ("list", f"--{TRICK_OF_ONE_LINE}"),
        ("list", "a", TRICK),
        ("diff", TRICK),
        ("completion", TRICK),
        ("push", TRICK),
        ("push", "--passphrase-file", f"{TRICK}=x", __file__),
        ("push", "--custom", TRICK, __file__),
        ("push", "--signer", f"file:{TRICK}", __file__),
        ("sign", TRICK, "--digest", "sha256:0", "--length", "1"),
        ("sign-image", TRICK, "--length", "1"),
        ("verify", "a", TRICK),
        ("pull", TRICK),
        ("resolve", TRICK),
        ("remove", TRICK),
        ("renew", TRICK),
        ("inspect", "-r", TRICK),
        ("inspect", "--url", TRICK),
        ("inspect", "--root-hash", TRICK),
        ("key", "import", TRICK),
        ("key", "remove", TRICK),
        ("key", "export", TRICK, "-o", TRICK),
        ("key", "move-offline", TRICK, TRICK),
        ("root", "remove-key", TRICK),
        ("signer", "remove", TRICK),
    ],
    ids=lambda arguments: arguments[0] if arguments[0].isalpha() else "wrong",
)
def test_what_was_typed_or_pasted_is_not_obeyed(quiet_desk: Desk, arguments: tuple[str, ...]) -> None:
    shown = finish(on_terminal(quiet_desk, *arguments))
    check(shown)
    assert "\\u202e" in shown, shown


@pytest.mark.parametrize("variable", ["TRUSTPRESS_REPOSITORY", "TRUSTPRESS_URL", "TRUSTPRESS_ROOT_HASH", "AWS_PROFILE", "AWS_ENDPOINT_URL"])
def test_the_environment_is_not_obeyed(quiet_desk: Desk, variable: str) -> None:
    shown = finish(on_terminal(quiet_desk, "log", environment={variable: TRICK}))
    check(shown)
    assert "\\u202e" in shown, shown


def test_the_name_of_the_home_is_not_obeyed(quiet_desk: Desk, tmp_path: Path) -> None:
    home = tmp_path / TRICK_OF_ONE_LINE
    home.mkdir(mode=0o700)
    for arguments in (("key", "list"), ("key", "generate")):
        shown = finish(
            on_terminal(quiet_desk, *arguments, environment={"TRUSTPRESS_HOME": str(home), "TRUSTPRESS_KEY_PASSPHRASE": "a" * 20})
        )
        check(shown)
        assert SHOWN_OF_ONE_LINE in shown


def test_bars_are_not_obeyed(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / TRICK
    with file.open("wb") as large:
        large.truncate(2 * WORTH_SHOWING)
    desk.run("push", str(file), "--as", "large")
    shown = finish(on_terminal(desk, "verify", "large", str(file)))
    check(shown)
    assert f"Hashing {SHOWN}" in shown
    assert f"{SHOWN} is the signed target large" in shown


def test_questions_are_not_obeyed(quiet_desk: Desk) -> None:
    child = on_terminal(quiet_desk, "admin", "recover", TRICK)
    child.expect("y/N")
    check(child.before.decode())
    assert SHOWN in child.before.decode()
    child.sendline("n")
    check(finish(child))


class _Aws(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        message = f"\x9b2J\u202e{FORGED}"
        error = f"<Error><Code>{message}</Code><Message>{message}</Message></Error>"
        body = (error if self.command in {"GET", "PUT"} else f"<ErrorResponse>{error}</ErrorResponse>").encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815, the standard library's names

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def hostile_aws() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Aws)
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("command", [("status",), ("log",), ("admin", "redrive"), ("admin", "expire", "acme/api"), ("change", "list")])
def test_what_aws_answers_is_not_obeyed(quiet_desk: Desk, hostile_aws: str, command: tuple[str, ...]) -> None:
    for arguments in (command, (*command, "--json")):
        shown = finish(on_terminal(quiet_desk, *arguments, environment={"AWS_ENDPOINT_URL": hostile_aws}))
        check(shown)
        assert "u202e" in shown, shown


def test_tables_obey_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    role: dict[str, Any] = {
        "version": 1,
        "expires": TRICK,
        "days_left": 3,
        "hours_left": 72,
        "keyids": [TRICK],
        "threshold": 1,
        "is_offline": True,
        "soon": 1,
    }
    head = {"repository": TRICK, "url": TRICK, "expired": TRICK, "roles": {TRICK: role}}
    entry = {"length": 1, "hashes": {"sha256": TRICK}, "role": TRICK}
    tables.show_repository({**head, "external_targets": False, "targets": {TRICK: entry}, "delegations": [TRICK]})
    tables.show_targets({**head, "targets": {TRICK: entry}})
    tables.show_keys({"folder": TRICK, "keys": []})
    tables.show_keys({"folder": TRICK, "keys": [{"keyid": TRICK, "keytype": TRICK, "where": TRICK, "signs": [TRICK]}]})
    upload = {"status": TRICK, "key": TRICK, "message": TRICK, "code": TRICK, "until": TRICK}
    staged = {"inbox": [upload, upload | {"status": "waiting"}], "files": [TRICK], "pending": [TRICK], "unseen": None, "begun": TRICK}
    tables.show_standing({**head, **staged, "todo": [TRICK]})
    tables.show_standing({**head, "todo": [], "begun": None, "inbox": None, "unseen": TRICK})
    tables.show_garbage({"repository": TRICK, "objects": []})
    tables.show_garbage({"repository": TRICK, "objects": [{"key": TRICK, "length": 1, "reason": TRICK}], "count": 1, "bytes": 1})
    tables.show_dead_letters({"repositories": {TRICK: 1}, "messages": 1, "moved": True})
    shown = capsys.readouterr().out
    check(shown)
    assert not [character for character in shown if not character.isprintable() and character != "\n"]


@pytest.mark.parametrize(
    "arguments", [[], ["key"], ["completion"], ["completion", "csh"], ["list", "--nope"], ["list", "a", "b"], ["nope"]]
)
def test_wrong_usage_is_told_as_click_tells_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for run in (main.main, functools.partial(click.Command.main, main)):
        with pytest.raises(SystemExit) as ended:
            run(arguments, "trustpress")
        told.append((ended.value.code, capsys.readouterr().err.expandtabs()))
    assert told[0] == told[1]
    assert told[0][0] == 2


def test_a_console_obeys_nothing_even_where_nobody_thought_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    door.console().print(Text("\x1b]0;title\x07\u202e"))
    assert capsys.readouterr().out == "\\x1b]0;title\\u202e\n"


def test_json_says_all_of_it_and_is_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.as_json = True
    output.result({"name": TRICK})
    shown = capsys.readouterr().out
    assert shown[:-1].isprintable()
    assert shown.isascii()
    assert json.loads(shown) == {"name": TRICK}


def test_what_nobody_foresaw_is_not_obeyed_either(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError) as raised:
        raise RuntimeError(TRICK)
    door.show_unforeseen(RuntimeError, raised.value, raised.tb)
    shown = capsys.readouterr().err
    assert not [trick for trick in OBEYED if trick in shown]
    assert "RuntimeError" in shown
    assert "Traceback" in shown


def test_lines_of_our_own_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Output().say("one", "two\nforged")
    assert capsys.readouterr().err == "one\ntwo\\nforged\n"
