"""ERB stands in a file whose name does not end in .erb.

Why
    Open OnDemand runs ERB only in files that end in .erb. In form.yml or submit.yml a tag stays what
    it is: text, which a user sees on the form or which the scheduler gets. A `submit:` in a form with
    the text of a submit file below it is not read at all.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, read_yaml_erb.)

Bad
    # submit.yml
    script:
      native: ["-n", "<%= num_cores %>"]

Good
    # submit.yml.erb
    script:
      native: ["-n", "<%= num_cores %>"]

Fix
    Rename the file: form.yml to form.yml.erb, submit.yml to submit.yml.erb. A manifest can have no
    ERB at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import erb, psych
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import MANIFEST, read_by_ood
from ood_appgen.lint.psych import Mapping, Scalar
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for tags outside of comments; the first one of a file is enough."""
    for file in read_by_ood(app):
        if file.is_erb:
            continue
        tags = [t for t in erb.split(file.text) if t.closed and not _is_comment(file, t.start)]
        block = _inline_submit(file, tags[0].start) if tags else None
        if block is not None:
            yield at(
                block,
                "`submit:` is the name of a sub-app's submit file, and not its text: this is not read",
                "move what is below it to submit.yml.erb",
            )
        elif tags:
            name = file.name.rpartition("/")[2]
            yield Finding(
                "this is plain text here: ERB is run in files that end in .erb only",
                "a manifest can have no ERB"
                if file.name == MANIFEST
                else f"rename the file to {name}.erb",
                file,
                tags[0].start,
                tags[0].end,
            )


def _inline_submit(file: SourceFile, offset: int) -> Scalar | None:
    """The key of a `submit:` that holds the text of a submit file, with the tag in it."""
    for view in file.views:
        root = psych.read(file, view).root
        value = root.get("submit") if isinstance(root, Mapping) else None
        inside = isinstance(value, Scalar) and value.start <= offset < value.end
        if isinstance(root, Mapping) and inside:
            return root.key("submit")
    return None


def _is_comment(file: SourceFile, offset: int) -> bool:
    number, column = file.position(offset)
    before = file.line(number)[: column - 1]
    return before.lstrip().startswith("#") or " #" in before
