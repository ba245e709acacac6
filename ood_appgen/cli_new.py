"""The commands `appgen new` and `appgen init`: options, questions, printing, exit codes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import NoReturn

import click

OK, BAD_INPUT = 0, 2
KINDS = (
    *("web", "jupyter", "rstudio", "codeserver", "vnc"),
    *("shiny", "streamlit", "marimo", "tensorboard"),
)
_FOLDER = click.Path(path_type=Path)
_kind_option = click.option("--kind", type=click.Choice(KINDS), help="What the app starts.")
_quiet_option = click.option("--no-input", is_flag=True, help="Ask nothing; take what is proposed.")


@click.command("new", short_help="Make a new app.")
@click.argument("app_id", required=False, metavar="[ID]")
@_kind_option
@click.option("--title", metavar="TEXT", help="Title, as users see it.")
@click.option("--description", metavar="TEXT", help="What it is, in one line.")
@click.option("--program", metavar="COMMAND", help="The program that `--kind vnc` starts.")
@click.option("--kubernetes", is_flag=True, help="It runs on Kubernetes too.")
@click.option("--container", is_flag=True, help="On Slurm it runs in an Apptainer image.")
@click.option("--image", metavar="FILE", help="That image.")
@click.option("--kubernetes-image", metavar="NAME", help="The image on Kubernetes.")
@click.option("--modules", metavar="NAMES", help="Modules to load, with blanks between them.")
@click.option("--maintainer", metavar="NAME", help="A name or a team.")
@click.option("--support-url", metavar="URL", help="Where users get help.")
@click.option("--standalone", is_flag=True, help="Add CI and an example site: its own repository.")
@click.option(
    "--output",
    type=_FOLDER,
    default=Path("apps"),
    show_default=True,
    metavar="DIR",
    help="Where it goes: DIR/ID/.",
)
@_quiet_option
def new_command(
    app_id: str | None,
    kind: str | None,
    title: str | None,
    description: str | None,
    program: str | None,
    kubernetes: bool,
    container: bool,
    image: str | None,
    kubernetes_image: str | None,
    modules: str | None,
    maintainer: str | None,
    support_url: str | None,
    standalone: bool,
    output: Path,
    no_input: bool,
) -> None:
    """Make a new app in DIR/ID from the template of ood-appgen.

    On a terminal it asks for what no option says. Nothing is ever overwritten.
    """
    from ood_appgen import scaffold

    given: dict[str, str | None] = {
        "app_id": app_id,
        "kind": kind,
        "title": title,
        "description": description,
        "program": program,
        "schedulers": "slurm and kubernetes" if kubernetes else None,
        "software": "container" if container or image else None,
        "image": image,
        "kubernetes_image": kubernetes_image,
        "modules": modules,
        "maintainer": maintainer,
        "support_url": support_url,
        "standalone": "yes" if standalone else "no",
    }
    answers = {name: answer for name, answer in given.items() if answer is not None}
    asks = sys.stdin.isatty() and not no_input
    if app_id is None and not asks:
        raise click.UsageError("name the app: appgen new ID")
    try:
        if asks:
            answers = _ask(answers)
        target = scaffold.make_app(answers, output)
    except scaffold.ScaffoldError as exc:
        _fail(f"{exc}")
    for path in sorted(p for p in target.rglob("*") if p.is_file()):
        click.echo(f"{path}: created")
    quoted = shlex.quote(str(target))
    click.echo("\nNext:")
    click.echo(f"  look at {target / 'app.yml'} and {target / 'script.sh'}")
    if standalone:
        click.echo(f"  cd {quoted}")
        quoted = "."
    click.echo(f"  appgen render {quoted}")
    click.echo(f"  appgen verify {quoted}")


@click.command("init", short_help="Make a new site repository.")
@click.argument("folder", required=False, metavar="[DIR]", type=_FOLDER, default=Path("."))
@click.option("--site", "name", metavar="NAME", help="The site's name.")
@click.option("--app", "app_id", metavar="ID", help="The first app's id.")
@_kind_option
@_quiet_option
def init_command(
    folder: Path, name: str | None, app_id: str | None, kind: str | None, no_input: bool
) -> None:
    """Make a site repository in DIR (default: here): site.yml, one app, CI, editor settings.

    Files that are there stay as they are; where one is in the way, nothing is written.
    """
    from ood_appgen import scaffold

    asks = sys.stdin.isatty() and not no_input
    if name is None:
        name = click.prompt("Name of the site", default="Example University") if asks else None
    if kind is None and asks:
        kind = _choose("What the first app starts", dict.fromkeys(KINDS, ""), "jupyter")
    kind = kind or "jupyter"
    answers = {"app_id": app_id or kind, "kind": kind, "standalone": "no"}
    if app_id is None and kind in ("web", "vnc"):
        answers["app_id"] = "my_app"
    try:
        files = scaffold.make_site(folder, name or "Example University", answers)
    except scaffold.ScaffoldError as exc:
        _fail(f"{exc}")
    for file in files:
        click.echo(f"{folder / file}: created")
    click.echo("\nNext:")
    if folder.resolve() != Path.cwd():
        click.echo(f"  cd {shlex.quote(str(folder))}")
    click.echo("  describe your clusters in site.yml")
    click.echo("  appgen render           # makes the apps, into build/: keep that in git")
    click.echo("  appgen lint build")
    click.echo("  appgen verify           # needs ruby")
    click.echo("  appgen new              # another app")


def _ask(answers: dict[str, str]) -> dict[str, str]:
    """Ask for what is missing; an answer that the template refuses is asked for again."""
    from ood_appgen import scaffold

    problems = scaffold.find_problems(answers)
    if problems:
        raise scaffold.ScaffoldError("\n".join(problems))
    done: dict[str, str] = {}
    for question in scaffold.questions():
        proposed = scaffold.default_answer(question, done)
        if question.name in answers:
            done[question.name] = answers[question.name]
            continue
        if not scaffold.is_needed(question.name, done):
            done[question.name] = proposed
            continue
        while True:
            if question.choices:
                answer = _choose(question.prompt, question.choices, proposed)
            else:
                answer = click.prompt(
                    question.prompt, default=proposed, show_default=bool(proposed)
                )
            problems = scaffold.find_problems({**answers, **done, question.name: answer})
            if not problems:
                break
            for problem in problems:
                click.echo(f"  {problem}", err=True)
        done[question.name] = answer
    return done


def _choose(prompt: str, choices: object, proposed: str) -> str:
    """Ask for one of several, by its name."""
    assert isinstance(choices, dict)
    width = max(map(len, choices))
    click.echo(f"{prompt}:")
    for value, label in choices.items():
        text = label if label != value else ""
        click.echo(f"  {value:{width}}  {text}".rstrip())
    answer: str = click.prompt(
        "Which", type=click.Choice(tuple(choices)), default=proposed, show_choices=False
    )
    return answer


def _fail(message: str) -> NoReturn:
    for line in message.splitlines():
        click.echo(f"appgen: {line}", err=True)
    click.echo("Nothing was written.", err=True)
    sys.exit(BAD_INPUT)
