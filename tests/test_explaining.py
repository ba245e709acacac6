"""`appgen explain` where a file, a line or an app is not quite what one would think."""

from __future__ import annotations

from pathlib import Path

import pytest

from appgen_runner import Appgen, Ran
from samples import make_app, make_site


@pytest.fixture
def site(appgen: Appgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with the app `one`, rendered; the working directory is there."""
    folder = make_site(tmp_path / "site", "one")
    monkeypatch.chdir(folder)
    assert appgen("render").code == 0
    return folder


def find_line(file: Path, words: str) -> int:
    return next(n for n, line in enumerate(file.read_text().splitlines(), 1) if words in line)


def test_a_whole_file_is_explained_but_for_its_blank_lines(appgen: Appgen, site: Path) -> None:
    ran = appgen("explain", "build/one/README.md")
    lines = (site / "build/one/README.md").read_text().splitlines()
    assert "" in lines
    heads = [line for line in ran.out.splitlines() if line.startswith("build/one/README.md:")]
    assert heads == [f"build/one/README.md:{n}: {x.strip()}" for n, x in enumerate(lines, 1) if x]


def test_a_file_that_was_put_there(appgen: Appgen, site: Path) -> None:
    (site / "build/one/notes.txt").write_text("mine\n")
    said = "appgen: build/one/notes.txt: appgen makes no such file; somebody put it there\n"
    assert appgen("explain", "build/one/notes.txt:1") == Ran(2, "", said)


def test_a_file_that_was_deleted_is_explained_as_it_was(appgen: Appgen, site: Path) -> None:
    form = site / "build/one/form.yml"
    number = find_line(form, "max: 4")
    said = appgen("explain", f"build/one/form.yml:{number}")
    assert "clusters.hpc.node_types.any.cores.max: 4" in said.out
    form.unlink()
    assert appgen("explain", f"build/one/form.yml:{number}") == said


def test_a_files_name_may_end_like_a_line_number(appgen: Appgen, site: Path) -> None:
    override = site / "apps/one/overrides/notes:3"
    override.parent.mkdir()
    override.write_text("ours\n")
    assert appgen("render").code == 0
    for place in ("build/one/notes:3", "build/one/notes:3:1"):
        said = "build/one/notes:3: is apps/one/overrides/notes:3, as it is\n"
        assert appgen("explain", place) == Ran(0, said, "")


def test_a_column_after_the_line_is_no_matter(appgen: Appgen, site: Path) -> None:
    assert appgen("explain", "build/one/form.yml:5:3") == appgen("explain", "build/one/form.yml:5")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("x" * 300, f"{'x' * 80}: File name too long"),
        ("build/one/form.yml:0", "build/one/form.yml: has 33 lines, and no line 0"),
        ("build/one/form.yml:34", "build/one/form.yml: has 33 lines, and no line 34"),
    ],
)
def test_places_that_cannot_be(appgen: Appgen, site: Path, place: str, said: str) -> None:
    ran = appgen("explain", place)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"appgen: {said}")


def test_the_lock_says_which_app_it_is(appgen: Appgen, site: Path) -> None:
    """Not the names of directories: both may be another's."""
    (site / "build/one").rename(site / "build/two")
    (site / "apps/one").rename(site / "apps/first")
    number = find_line(site / "build/two/form.yml", "Number of cores")
    ran = appgen("explain", f"build/two/form.yml:{number}")
    assert "  apps/first/app.yml:10:34: form[5].label: Number of cores" in ran.out.splitlines()


def test_an_app_that_is_gone(appgen: Appgen, site: Path) -> None:
    (site / "apps/one").rename(site / "one, put aside")
    (site / "one, put aside/app.yml").unlink()
    said = 'appgen: site.yml: there is no app "one" beside it; name its site with --site\n'
    assert appgen("explain", "build/one/form.yml:5") == Ran(2, "", said)


def test_an_app_that_does_not_render(appgen: Appgen, site: Path) -> None:
    (site / "apps/one/overrides").mkdir()
    (site / "apps/one/overrides/appgen.lock").write_text("{}")
    ran = appgen("explain", "build/one/form.yml:5")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("appgen: apps/one/overrides/appgen.lock: error: appgen keeps its own")


def test_values_are_followed_into_the_apps_that_render(appgen: Appgen, site: Path) -> None:
    broken = make_app(site / "apps/broken", "broken") / "app.yml"
    broken.write_text(broken.read_text().replace("title:", "titel:"))
    make_app(site / "apps/two", "two")
    ran = appgen("explain", "--value", "hours.max")
    assert ran.code == 0
    heads = [line for line in ran.out.splitlines() if not line.startswith(" ")]
    assert heads[0].startswith("apps/broken: apps/broken/app.yml:2:1: error: ")
    assert heads[1:] == ["site.yml:4:9: hours.max, for one", "site.yml:4:9: hours.max, for two"]


def test_a_value_that_nothing_is_made_of(appgen: Appgen, site: Path) -> None:
    with (site / "site.yml").open("a") as profile:
        profile.write("mounts: {unused: {path: /scratch, type: Directory}}\n")
    ran = appgen("explain", "--value", "unused.path")
    assert ran.out.splitlines()[1:] == ["  changes nothing in this app"]
    ran = appgen("explain", "--value", "hpc.node_types")
    said = "  cannot be told: no other value that was tried makes an app"
    assert ran.out.splitlines()[1:] == [said]


def test_an_item_of_a_list_is_named_alike_both_ways(appgen: Appgen, site: Path) -> None:
    number = find_line(site / "build/one/form.yml", "Number of cores")
    assert " form[5].label: " in appgen("explain", f"build/one/form.yml:{number}").out
    ran = appgen("explain", "--value", "form[5].label")
    assert ran.out.startswith("apps/one/app.yml:10:34: form[5].label, for one\n")
    assert f"  form.yml: line {number}\n" in ran.out


def test_of_many_lines_the_first_are_named(appgen: Appgen, site: Path) -> None:
    (site / "apps/one/script.sh").write_text("".join(f"sleep {n}\n" for n in range(9)))
    ran = appgen("explain", "--value", "scripts.script")
    assert ran.out.splitlines()[1:] == [
        "  template/script.sh.erb: lines 12, 13, 14, 15, 16, 17 and 3 more",
        "    sleep 0",
        "    -> ",
    ]


def test_long_values_are_cut(appgen: Appgen, site: Path) -> None:
    app = site / "apps/one/app.yml"
    title = f"The one {'and only ' * 10}app"
    app.write_text(app.read_text().replace("title: The one", f"title: {title}"))
    assert appgen("render").code == 0
    said = appgen("explain", "build/one/manifest.yml:4").out.splitlines()
    assert said[1] == f"  apps/one/app.yml:2:1: title: {title[:60]}..."
