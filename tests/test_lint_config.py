"""The linter's configuration: what it may say, where it is found, what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import catalog, config
from ood_appgen.lint.config import Config, ConfigError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    config.forget()
    return tmp_path


def read(text: str, name: str = ".appgen.toml") -> Config | None:
    Path(name).write_text(text)
    return config.read(Path(name))


WHOLE = """\
ondemand = "4.1"
site = "site/site.yml"
profile = "catalogue"
select = ["DEFAULT", "form"]
ignore = ["form-listed-twice"]
severity = {form-listed-twice = "warning", form = "note"}
per-file-ignores = {"old/**" = ["form", "ignore-unused"]}
baseline = "known.json"
exclude = ["vendor"]
"""


def test_a_whole_one(here: Path) -> None:
    assert read(WHOLE) == Config(
        here,
        ("DEFAULT", "form"),
        ("form-listed-twice",),
        (("form-listed-twice", Severity.WARNING), ("form", Severity.NOTE)),
        (("old/**", ("form", "ignore-unused")),),
        "4.1",
        here / "site/site.yml",
        "catalogue",
        here / "known.json",
        ("vendor",),
    )


def test_pyproject(here: Path) -> None:
    inner = WHOLE.splitlines()
    flat = "\n".join(line for line in inner if not line.startswith(("severity", "per-file")))
    tables = (
        '[tool.appgen.severity]\nform-listed-twice = "warning"\nform = "note"\n'
        '[tool.appgen.per-file-ignores]\n"old/**" = ["form", "ignore-unused"]\n'
    )
    said = read(f"[tool.other]\nselect = 1\n[tool.appgen]\n{flat}\n{tables}", "pyproject.toml")
    assert said == read(WHOLE)
    for text in ("", "[tool]\n", "[tool.other]\n", "[project]\nname = 'a'\n", "tool = 1\n"):
        assert read(text, "pyproject.toml") is None


def test_nothing_said(here: Path) -> None:
    assert read("") == Config(here)
    assert read("[tool.appgen]\n", "pyproject.toml") == Config(here)


def test_the_nearest_upward_counts(here: Path) -> None:
    app = here / "a/b/c"
    app.mkdir(parents=True)
    assert config.find(app) == Config(here)
    (here / "pyproject.toml").write_text('[tool.appgen]\nignore = ["form"]\n')
    (here / "a/pyproject.toml").write_text("[project]\n")
    config.forget()
    assert config.find(app).ignore == ("form",)
    (here / "a/.appgen.toml").write_text('ignore = ["script"]\n')
    (here / "a/pyproject.toml").write_text('[tool.appgen]\nignore = ["view"]\n')
    config.forget()
    assert (config.find(app).ignore, config.find(app).folder) == (("script",), here / "a")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("selekt = []", '1:1: error: "selekt" is not a key of the linter\'s configuration; '
         'did you mean "select"?'),
        ("\n# select\nselect = ['form', 'fomr-listed-twice']",
         '3:19: error: "fomr-listed-twice" is no rule and no group of rules; '
         'did you mean "form-listed-twice"?'),
        ("ignore = ['zzz'] # zzz", '1:11: error: "zzz" is no rule and no group of rules; '
         "see: appgen rules"),
        ("ignore = 'form'", '1:1: error: "ignore" must be a list of texts; such as ["form"]'),
        ("exclude = [1]", '1:1: error: "exclude" must be a list of texts; such as ["form"]'),
        ("severity = 'error'", '1:1: error: "severity" must be a table; '
         "severity = {...}, or [severity]"),
        ("[severity]\nform = 'bad'", '2:1: error: "bad" is no severity; '
         "one of: error, warning, note"),
        ("severity = {form = 'off'}", '1:13: error: "off" is no severity; '
         "one of: error, warning, note; to switch the rule off, list it under ignore"),
        ("severity = {forms = 'error'}", '1:13: error: "forms" is no rule and no group of rules; '
         'did you mean "form"?'),
        ("per-file-ignores = {'a/*' = ['x']}", '1:30: error: "x" is no rule and no group of rules; '
         "see: appgen rules"),
        ("ondemand = 4.1", '1:1: error: "4.1" is not a value of "ondemand"; '
         'put it in quotes: ondemand = "4.1"'),
        ("ondemand = '5'", '1:1: error: "5" is not a value of "ondemand"; '
         "one of: 3.0, 3.1, 4.0, 4.1, 4.2"),
        ("profile = 'x'", '1:1: error: "x" is not a value of "profile"; one of: catalogue'),
        ("site = 1", '1:1: error: "site" must be the path of a file'),
        ("a = ", "1:5: error: this is not TOML: Invalid value"),
        ("a = [\n", "2:1: error: this is not TOML: Invalid value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    found = raised.value.diagnostic
    place = f"{found.span.line}:{found.span.column}" if found.span else "-"
    said = "; ".join(filter(None, (found.message, found.hint)))
    if "not TOML" in wanted and not found.span:  # Python 3.11 says no line at the end of the text
        place = wanted.partition(": ")[0]
    assert f"{place}: {found.severity.word}: {said}" == wanted


def test_places_in_pyproject() -> None:
    with pytest.raises(ConfigError) as raised:
        read("[tool.ruff]\nselekt = 1\n\n[tool.appgen]\nselekt = []\n", "pyproject.toml")
    assert str(raised.value.diagnostic.span) == "pyproject.toml:5:1"
    with pytest.raises(ConfigError):
        read("[tool]\nappgen = 1\n", "pyproject.toml")


def test_files_that_cannot_be_read(here: Path) -> None:
    Path("a.toml").write_bytes(b"# caf\xe9\n")
    for name in ("a.toml", "none.toml", "."):
        with pytest.raises(ConfigError):
            config.read(Path(name))


@pytest.mark.parametrize(
    ("glob", "path", "wanted"),
    [
        ("vendor", "vendor/a/form.yml", True),
        ("vendor", "a/vendor/form.yml", True),
        ("vendor", "vendors/form.yml", False),
        ("*.js", "a/form.js", True),
        ("a/*", "a/b/c", True),
        ("a/*", "b/a/c", False),
        ("a/**", "a/b/c/d", True),
        ("a/**", "a", False),
        ("**/b", "b", True),
        ("**/b", "a/x/b/c", True),
        ("./a/", "a/b", True),
        ("a/?.yml", "a/b.yml", True),
        ("a/[bc].yml", "a/c.yml", True),
        ("a/[!bc].yml", "a/c.yml", False),
        ("a/[]", "a/[]", True),
        ("a.c", "abc", False),
        ("", "a", False),
    ],
)
def test_globs(glob: str, path: str, wanted: bool) -> None:
    assert config.matches(glob, path) is wanted


def test_the_command_line_is_stronger() -> None:
    said = Config(select=("form",), ignore=("script",), ondemand="4.0")
    assert said.with_options((), ()) == said
    assert said.with_options((), ("view",)).ignore == ("script", "view")
    adjusted = said.with_options(("view",), ("form",), ondemand="4.1", profile=None)
    assert (adjusted.select, adjusted.ignore) == (("view",), ("form",))
    assert (adjusted.ondemand, adjusted.profile) == ("4.1", "")


def test_severity_by_the_closest_word() -> None:
    said = Config(severity=(("ALL", Severity.NOTE), ("form-a", Severity.ERROR)))
    assert said.severity_of("form-a") is Severity.ERROR
    assert said.severity_of("form-b") is Severity.NOTE
    assert Config().severity_of("form-a") is None


def test_which_rules_are_on() -> None:
    rules = catalog.load_all()

    def chosen(*select: str, ignore: tuple[str, ...] = (), profile: str = "") -> set[str]:
        return {rule.id for rule in catalog.choose(select, ignore, profile)}

    forms = {i for i in rules if i.startswith("form-")}
    assert chosen("DEFAULT") == {i for i, r in rules.items() if r.default}
    assert chosen("ALL") == set(rules)
    assert chosen("form") == forms | {"internal-error"}
    assert chosen("form", ignore=("form-listed-twice",)) == chosen("form") - {"form-listed-twice"}
    assert chosen("form-listed-twice", ignore=("form",)) == {"form-listed-twice", "internal-error"}
    assert chosen("ALL", ignore=("ALL",)) == {"internal-error"}
    assert chosen("ALL", ignore=("internal-error",)) == set(rules) - {"internal-error"}
    catalogue = {i for i, r in rules.items() if r.profile == "catalogue"}
    assert chosen("DEFAULT", profile="catalogue") == chosen("DEFAULT") | catalogue
