"""Stages a session as Open OnDemand does, for a user of this machine."""

from __future__ import annotations

import json
import os
import pwd
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ood_appgen import __version__, api, writer
from ood_appgen.verify.predict import Session, merge_submission
from ood_appgen.verify.ruby import Rendered, Request, RubyOracle, User
from ood_appgen.verify.sbatch import predict_sbatch
from samples import SAMPLES

SITE = Path(__file__).with_name("site.yml")


def render_apps() -> dict[str, api.RenderedApp]:
    """The sample apps, unedited, for the tests' site."""
    names = ("jupyter", "codeserver", "notebook-from-git", "data-mover")
    result = api.render_apps([SAMPLES / "apps" / app for app in names], SITE)
    assert [f.format() for f in result.findings] == []
    return {app.id: app for app in result.apps}


APPS = render_apps()


def write_app(rendered: api.RenderedApp, root: Path) -> Path:
    """Write an app as `appgen render` does, and return its directory."""
    target = root / rendered.id
    writer.write([writer.compare(target, rendered.files, __version__)], root)
    return target


@dataclass(frozen=True)
class Submission:
    """What the job script is made from, and the predicted arguments of sbatch."""

    batch_connect: Mapping[str, Any]
    arguments: tuple[str, ...]


class Staging:
    """Evaluates an app's files with real Ruby, as the dashboard of one user would.

    Where homes are mounted elsewhere than for the user's jobs, `mounted` leads there.
    """

    def __init__(
        self, ruby: RubyOracle, account: pwd.struct_passwd, mounted: Path = Path("/")
    ) -> None:
        self._ruby = ruby
        self._account = account
        self._mounted = mounted
        self.user = User(account.pw_name, account.pw_uid, account.pw_gid, account.pw_dir)

    def submission(
        self, app: Path, form: Sequence[str], choice: Mapping[str, str], staged_root: Path
    ) -> Submission:
        """What OOD submits for a choice: submit.yml.erb, and what the form's fields add."""
        answer = self._evaluate("submit", app / "submit.yml.erb", choice, staged_root)
        merged = merge_submission(answer.data, choice, form, "slurm")
        session = Session(app.name, choice["cluster"], str(staged_root), self.user)
        return Submission(merged["batch_connect"], predict_sbatch(merged, session))

    def stage(self, app: Path, choice: Mapping[str, str], staged_root: Path) -> None:
        """Put template/ into the session's directory: ERB files evaluated, all with their modes."""
        folder = self._mounted / staged_root.relative_to("/")
        folder.mkdir(mode=0o700, parents=True)
        for source in sorted((app / "template").rglob("*")):
            if source.is_dir():
                continue
            target = folder / source.relative_to(app / "template")
            target.parent.mkdir(parents=True, exist_ok=True)
            content = source.read_bytes()
            if source.suffix == ".erb":
                target = target.with_suffix("")
                content = self._evaluate("template", source, choice, staged_root).text.encode()
            target.write_bytes(content)
            target.chmod(stat.S_IMODE(source.stat().st_mode))
        (folder / "user_defined_context.json").write_text(json.dumps(dict(choice), indent=2))
        self._give(folder)

    def view(self, app: Path, connection: Mapping[str, Any], staged_root: Path) -> str:
        """The HTML of the session's card."""
        return self._evaluate("view", app / "view.html.erb", connection, staged_root).text

    def _evaluate(
        self, kind: Any, path: Path, context: Mapping[str, Any], staged_root: Path
    ) -> Rendered:
        answer = self._ruby.evaluate(
            Request(
                kind,
                path=path,
                context=context,
                staged_root=str(staged_root),
                user=self.user,
                users=(),
            )
        )
        assert isinstance(answer, Rendered), (path, answer)
        return answer

    def _give(self, folder: Path) -> None:
        """Everything below the home that this made belongs to the user."""
        home = self._mounted / Path(self._account.pw_dir).relative_to("/")
        above = [p for p in folder.parents if p.is_relative_to(home)]
        for path in (*above, folder, *folder.rglob("*")):
            os.chown(path, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)
