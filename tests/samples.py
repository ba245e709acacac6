"""The sample site repository, as the tests use it, and a small site for tests that change it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ood_appgen import api
from ood_appgen.model.plan import AppPlan

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_apps"
SITES = {
    "osc": SAMPLES / "site.yml",
    "arc": SAMPLES / "sites" / "arc" / "site.yml",
    "cloud": SAMPLES / "sites" / "cloud" / "site.yml",
}
APPS = (
    "codeserver", "cvmfs-notebook", "data-mover", "desktop", "jupyter", "notebook-from-git",
    "pytorch", "rstudio",
)  # fmt: skip

_SMALL_SITE = """\
site: Test Centre
ondemand: "4.1"
account: {ask: text}
hours: {max: 8}
clusters:
  hpc:
    title: HPC
    scheduler: slurm
    node_types:
      any: {label: Any, cores: {max: CORES}}
"""
_SMALL_APP = """\
id: NAME
title: The NAME
category: Tests
template: basic
form:
  - {id: cluster, from: clusters}
  - {id: account, from: account}
  - {id: bc_num_hours, from: hours}
  - {id: node_type, from: node_types, label: Node type}
  - {id: num_cores, from: cores, label: Number of cores}
scripts:
  script: script.sh
view: {kind: link, proxy: node, button: Go}
"""


@dataclass(frozen=True)
class Sample:
    """One sample app on one sample site, rendered."""

    site: str
    app: str
    plan: AppPlan
    files: dict[str, str]

    def __str__(self) -> str:
        return f"{self.site}-{self.app}"


@cache
def render_samples() -> tuple[Sample, ...]:
    """All sample apps on all sites that have them, with no finding of any kind."""
    samples = []
    for site, site_file in SITES.items():
        result = api.render_apps([SAMPLES / "apps" / app for app in APPS], site_file)
        assert [f.format() for f in result.findings] == []
        for app in result.apps:
            files = {f.path: f.content.decode() for f in app.files}
            samples.append(Sample(site, app.id, app.plan, files))
    return tuple(samples)


def sample(site: str, app: str) -> Sample:
    """One of them."""
    return next(s for s in render_samples() if (s.site, s.app) == (site, app))


def make_site(folder: Path, *apps: str, most_cores: int = 4) -> Path:
    """Write a site of one cluster, with apps in `apps/`."""
    (folder / "apps").mkdir(parents=True)
    (folder / "site.yml").write_text(_SMALL_SITE.replace("CORES", str(most_cores)))
    for app in apps:
        make_app(folder / "apps" / app, app)
    return folder


def make_app(folder: Path, app_id: str) -> Path:
    """Write an app that this site can run."""
    folder.mkdir(parents=True)
    (folder / "app.yml").write_text(_SMALL_APP.replace("NAME", app_id))
    (folder / "script.sh").write_text('exec sleep "${FORM_NUM_CORES}"\n')
    return folder
