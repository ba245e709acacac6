"""`build`: a site profile and an app spec become a plan. The only place where anything is decided."""

from ood_appgen.planner.build import build

__all__ = ["build"]
