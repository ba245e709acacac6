"""Open OnDemand interactive apps from one site profile: rendered, checked, written."""

__version__ = "0.1.0"
