"""The releases of Open OnDemand that rules tell apart."""

RELEASES = ("3.0", "3.1", "4.0", "4.1", "4.2")
NEWEST = RELEASES[-1]
