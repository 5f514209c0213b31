"""The commands of `trustpress` as click knows them, and whether a line that somebody wrote is one of them."""

import shlex
from collections.abc import Iterator, Sequence

import click

from trustpress_uploader.commands import main

Names = tuple[str, ...]

_OPERATORS = {"&&", "||", "|", ";", "(", ")", "<", ">", ">>", "&"}


def every_command() -> Iterator[tuple[Names, click.Command]]:
    """The program itself, its groups and all that is in them."""
    yield from _walk((), main)


def every_leaf() -> Iterator[Names]:
    """The commands that do something."""
    return (names for names, command in every_command() if not isinstance(command, click.Group))


def _walk(names: Names, command: click.Command) -> Iterator[tuple[Names, click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        context = _context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _walk((*names, name), found)


def _context(command: click.Command) -> click.Context:
    """As the program makes it: click remembers in a command what its first context said of help options."""
    return click.Context(command, **main.context_settings)


def parse(words: Sequence[str]) -> Names:
    """Which command these words call, the program's own name left out. Values are not looked at: many are stand-ins.

    Raises click.UsageError for a command or an option that there is not, and for words too many.
    """
    names: Names = ()
    command: click.Command = main
    context, rest = _context(main), list(words)
    while isinstance(command, click.Group):
        _, rest, _ = command.make_parser(context).parse_args(rest)
        if not rest:
            return names
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.NoSuchCommand(rest[0])
        names, rest, command = (*names, rest[0]), rest[1:], found
        context = _context(command)
    _, surplus, _ = command.make_parser(context).parse_args(rest)
    if surplus:
        raise click.UsageError(f"too many words for trustpress {' '.join(names)}: {surplus}")
    return names


def calls(line: str) -> Iterator[list[str]]:
    """The calls of `trustpress` in a line of shell, each without the program's own name."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if token in _OPERATORS:
            words = [*_without_assignments(words)]
            if words[:1] == ["trustpress"]:
                yield words[1:]
            words = []
        else:
            words.append(token)


def _without_assignments(words: Sequence[str]) -> Iterator[str]:
    """Without the variables that are set for one command."""
    is_over = False
    for word in words:
        is_over = is_over or "=" not in word
        if is_over:
            yield word
