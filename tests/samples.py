"""The sample site repository, as the tests use it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ood_appgen import api
from ood_appgen.model.plan import AppPlan

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_apps"
SITES = {"osc": SAMPLES / "site.yml", "arc": SAMPLES / "sites" / "arc" / "site.yml"}
APPS = ("codeserver", "desktop", "jupyter", "rstudio")


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
    """All sample apps on both sites, with no finding of any kind."""
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
