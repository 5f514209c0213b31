"""`trustpress completion`."""

import click

from trustpress_uploader.terminal import door


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands and options.

    \b
    Examples:
      trustpress completion bash > ~/.local/share/bash-completion/completions/trustpress
      trustpress completion zsh > "${fpath[1]}/_trustpress"
      trustpress completion fish > ~/.config/fish/completions/trustpress.fish
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None
    door.write(*complete(context.find_root().command, {}, "trustpress", "_TRUSTPRESS_COMPLETE").source().splitlines())
