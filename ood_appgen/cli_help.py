"""The command `appgen completion`, and how a command is described outside of a terminal."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="Print the script that completes commands.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> None:
    """Print a script with which SHELL completes the commands, options and files of appgen.

    \b
    bash   eval "$(appgen completion bash)"                  in ~/.bashrc
    zsh    eval "$(appgen completion zsh)"                   in ~/.zshrc, after compinit
    fish   appgen completion fish > ~/.config/fish/completions/appgen.fish
    """
    # The whole program is what the script completes, not this command.
    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    if kind is None:  # a newer click may drop one
        click.echo(f"appgen: click cannot complete in {shell}", err=True)
        sys.exit(2)
    source = kind(root, {}, "appgen", "_APPGEN_COMPLETE").source()
    click.echo(source, nl=not source.endswith("\n"))
