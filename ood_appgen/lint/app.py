"""An app as the linter sees it: its files, and what can be read from them without running anything."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ood_appgen.lint import form as forms
from ood_appgen.lint import psych
from ood_appgen.lint.folder import FORM_NAMES as FORM_NAMES
from ood_appgen.lint.folder import AppFolder, read
from ood_appgen.lint.folder import find_apps as find_apps
from ood_appgen.lint.form import Form
from ood_appgen.lint.releases import NEWEST as NEWEST
from ood_appgen.lint.releases import RELEASES as RELEASES
from ood_appgen.lint.source_file import SourceFile
from ood_appgen.model.site import SiteProfile

SUBMIT_NAMES = ("submit.yml.erb", "submit.yml")
_VIEWS = ("view.html", "info.html", "info.md", "completed.html", "completed.md")


@dataclass(frozen=True)
class Settings:
    """What of the configuration a rule may ask: the release that must run the app, and the site."""

    ondemand: str = NEWEST
    site: SiteProfile | None = None
    profile: str = ""

    def at_least(self, release: str) -> bool:
        """Whether the app's portal is of that release or newer."""
        return _number(self.ondemand) >= _number(release)


@dataclass(frozen=True, eq=False)
class App:
    """One app's directory: what Open OnDemand reads of it, by name inside the app.

    `shown_as` is the directory as the user knows it. `names` are all file names there, of those too
    that were not read (pictures, programs, files that are too large). `outer` are the files of the
    directories above that speak for the app as well, such as a repository's README and licence;
    `above` are those of them that were read, by the way to them ("../README.md"), and `inner` is the
    way down from the uppermost of these directories.
    """

    shown_as: str
    files: Mapping[str, SourceFile]
    names: frozenset[str]
    settings: Settings = Settings()
    outer: frozenset[str] = field(default=frozenset())
    above: Mapping[str, SourceFile] = field(default_factory=dict)
    inner: str = ""

    def file(self, *names: str) -> SourceFile | None:
        """The first of these files that there is."""
        return next((self.files[n] for n in names if n in self.files), None)

    @cached_property
    def form_file(self) -> SourceFile | None:
        """The file that Open OnDemand takes for the form: form.yml.erb before form.yml."""
        return self.file(*FORM_NAMES)

    @cached_property
    def submit_file(self) -> SourceFile | None:
        """The file that Open OnDemand takes for the submission."""
        return self.file(*SUBMIT_NAMES)

    @cached_property
    def submit_files(self) -> tuple[SourceFile, ...]:
        """The submit file, and those that sub-apps name with `submit:`."""
        found = [self.submit_file] if self.submit_file else []
        for form in self.forms:
            named = form.root.get("submit") if form.sub_app and form.root else None
            if isinstance(named, psych.Scalar):
                file = self.files.get(f"local/{named.value}")
                if file is not None and file not in found:
                    found.append(file)
        return tuple(found)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The form once for each arm of its ERB and, where there are sub-apps, for each of those.

        Sub-apps are files local/NAME.yml[.erb], merged over the parent's form (app.rb, form_config).
        A parent that has sub-apps is no app itself.
        """
        if self.form_file is None:
            return ()
        parents = [psych.read(self.form_file, view).root for view in self.form_file.views]
        if not self.sub_app_files:
            return tuple(forms.read(self.form_file, root, "") for root in parents)
        found = []
        for name, file in self.sub_app_files.items():
            for view in file.views:
                root = psych.read(file, view).root
                found += [forms.read(file, psych.merge(p, root), name) for p in parents]
        return tuple(found)

    @cached_property
    def sub_app_files(self) -> dict[str, SourceFile]:
        """The files of sub-apps by name; .yml.erb before .yml."""
        found: dict[str, SourceFile] = {}
        for name in sorted(self.files, reverse=True):  # .yml.erb comes after .yml
            inner = name.removeprefix("local/")
            if inner == name or "/" in inner:
                continue
            stem = inner.split(".", 1)[0]
            if inner in (f"{stem}.yml", f"{stem}.yml.erb") and not _is_submit(inner):
                found.setdefault(stem, self.files[name])
        return dict(sorted(found.items()))

    @cached_property
    def field_names(self) -> frozenset[str]:
        """Every name that a form of the app may have as a field, fixed ones and cluster too."""
        names = {item.id for form in self.forms for item in form.items}
        return frozenset(names | {"cluster"})

    @cached_property
    def fields_complete(self) -> bool:
        """Whether `field_names` are all there can be: the form is YAML, and no list depends on Ruby."""
        if not self.forms or self.form_file is None:
            return False
        for file in (self.form_file, *self.sub_app_files.values()):
            if any(psych.read(file, view).failure is not None for view in file.views):
                return False
        return all(form.items_complete for form in self.forms)

    @cached_property
    def scripts(self) -> tuple[SourceFile, ...]:
        """The files below template/, which OOD copies and, when .erb, renders (session.rb, stage)."""
        return tuple(f for n, f in sorted(self.files.items()) if n.startswith("template/"))

    @cached_property
    def views(self) -> tuple[SourceFile, ...]:
        """view.html.erb, info and completed views, and views that sub-apps name."""
        found = []
        for name, file in sorted(self.files.items()):
            own = name.removesuffix(".erb") in _VIEWS
            if own or (name.startswith("local/") and name.endswith((".html.erb", ".md.erb"))):
                found.append(file)
        return tuple(found)

    @cached_property
    def form_scripts(self) -> tuple[SourceFile, ...]:
        """form.js, and sub-apps' own: what they name is not dead because no directive names it."""
        return tuple(
            f
            for n, f in sorted(self.files.items())
            if n == "form.js" or (n.startswith("local/") and n.endswith(".js"))
        )


def load(folder: Path, shown_as: str, settings: Settings, root: Path | None = None) -> App:
    """Read an app's directory. `root` is where the repository begins, for files that speak for all."""
    return from_folder(read(folder, root), shown_as, settings)


def from_folder(folder: AppFolder, shown_as: str, settings: Settings) -> App:
    """The app in a directory that was read."""
    before = f"{shown_as}/" if shown_as not in ("", ".") else ""
    files = {
        name: _decode(before + name, name, content.data, content.executable)
        for name, content in folder.contents.items()
    }
    above = {
        name: _decode(os.path.normpath(before + name), name, content.data, content.executable)
        for name, content in folder.above.items()
    }
    return App(shown_as, files, folder.names, settings, folder.outer, above, folder.inner)


def from_files(
    shown_as: str, contents: Iterable[tuple[str, bytes, bool]], settings: Settings
) -> App:
    """An app that is in memory: names inside the app, contents, and whether each is executable."""
    files = {}
    names = set()
    for name, content, executable in contents:
        names.add(name)
        files[name] = _decode(f"{shown_as}/{name}", name, content, executable)
    return App(shown_as, files, frozenset(names), settings)


def _decode(shown_as: str, name: str, content: bytes, executable: bool) -> SourceFile:
    try:
        text = content.decode("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError:
        return SourceFile(shown_as, name, "", executable, binary=True)
    if "\0" in text:
        return SourceFile(shown_as, name, "", executable, binary=True)
    return SourceFile(shown_as, name, text, executable)


def _is_submit(name: str) -> bool:
    return name.startswith("submit")


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:2])
