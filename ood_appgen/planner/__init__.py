"""The only place that decides: a site profile and an app spec become a plan."""

from ood_appgen.planner.build import build
from ood_appgen.planner.pod_objects import check_together

__all__ = ["build", "check_together"]
