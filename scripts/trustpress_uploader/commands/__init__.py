"""The commands of `trustpress`. Thin: each reads its options, calls one use case and prints what came of it.

A command's module is imported when it is asked for, and what a command needs is imported inside it: `trustpress --help`
answers at once.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from trustpress.errors import TrustpressError
from trustpress_uploader.disk import refused_by_the_system
from trustpress_uploader.errors import NoReceipt
from trustpress_uploader.keys.hardening import forbid_core_files
from trustpress_uploader.terminal import door
from trustpress_uploader.terminal.output import Output

_FAILED, _NO_RECEIPT, _INTERRUPTED = 1, 3, 130

_INTERRUPTED_TEXT = "Interrupted. Nothing is half published: the same command goes on, or `trustpress change sign` with a change of keys."

_EXIT_CODES = (
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no receipt in time, 4 signed here and waiting for other holders, "
    "130 interrupted."
)

# Where each command is, in the order in which help shows them.
_SECTIONS = {
    "Publish": {
        "init": "init",
        "push": "push",
        "sign": "push",
        "sign-image": "push",
        "remove": "remove",
        "revoke": "remove",
        "renew": "renew",
    },
    "Verify": {"pull": "verify", "verify": "verify", "resolve": "verify"},
    "Look": {
        "list": "look",
        "inspect": "look",
        "diff": "look",
        "export": "look",
        "status": "status",
        "log": "status",
    },
    "Keys and roles": {
        "key": "key",
        "root": "root",
        "tagging": "root",
        "recover": "root",
        "online-key": "root",
        "change": "change",
        "signer": "signer",
        "bins": "signer",
    },
    "Administer": {"admin": "admin"},
    "Shell": {"completion": "completion"},
}
_MODULES = {name: module for section in _SECTIONS.values() for name, module in section.items()}


class _Commands(click.Group):
    """Foreseeable faults end in a code, a message and a hint, never in a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, click's signature
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002, click's signature
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"{__name__}.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, names in _SECTIONS.items():
            rows = [(name, self._command(ctx, name).get_short_help_str(limit=80)) for name in names]
            with formatter.section(section):
                formatter.write_dl(rows, col_max=16)

    def _command(self, ctx: click.Context, name: str) -> click.Command:
        command = self.get_command(ctx, name)
        assert command is not None
        return command

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """As click's, but that wrong usage and faults of ours are shown through the door: both may quote what others wrote."""
        sys.excepthook = door.show_unforeseen
        try:
            code: int | None = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.ClickException as error:
            door.show_wrong_usage(error)
            code = error.exit_code
        except click.Abort:
            door.say("", _INTERRUPTED_TEXT)
            code = _INTERRUPTED
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        output = ctx.ensure_object(Output)
        forbid_core_files()
        try:
            return super().invoke(ctx)
        except TrustpressError as error:
            output.error(error)
            ctx.exit(_NO_RECEIPT if isinstance(error, NoReceipt) else _FAILED)
        except BrokenPipeError:
            raise
        except OSError as error:
            output.error(refused_by_the_system(error))
            ctx.exit(_FAILED)
        except (KeyboardInterrupt, click.Abort):
            output.say("", _INTERRUPTED_TEXT)
            ctx.exit(_INTERRUPTED)


@click.group(cls=_Commands, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="trustpress")
def main() -> None:
    """Publish files with TUF trust metadata, and fetch them verified.

    Keys and pinned roots are kept in ~/.trustpress, or TRUSTPRESS_HOME. Without a terminal, passphrases are read from files
    (--passphrase-file) or from TRUSTPRESS_ROOT_PASSPHRASE, TRUSTPRESS_TAGGING_PASSPHRASE and TRUSTPRESS_DELEGATION_PASSPHRASE,
    never from the command line. AWS credentials come from the usual places.

    \b
    Examples:
      trustpress init -r acme/api --url https://d111111abcdef8.cloudfront.net --staging BUCKET
      trustpress push dist/app.tar.gz --as releases/1.2/app.tar.gz
      trustpress pull releases/1.2/app.tar.gz
      trustpress status
    """
