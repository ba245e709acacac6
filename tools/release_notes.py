"""Print what CHANGELOG.md says of one release: `release_notes.py 0.1.0`, or v0.1.0, or Unreleased."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
_HEADING = r"^## \[([^\]]+)\].*$"


def find_section(text: str, version: str) -> str | None:
    """The lines below the heading of `version`; None where there is no such heading."""
    headings = list(re.finditer(_HEADING, text, re.M))
    for heading, after in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] != version.removeprefix("v"):
            continue
        section = text[heading.end() : after.start() if after else len(text)]
        section = re.sub(r"^\[[^\]]+\]: \S+$", "", section, flags=re.M)  # addresses of the headings
        return section.strip("\n") + "\n" if section.strip() else ""
    return None


def main() -> None:
    """Print the section of the release that is named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: release_notes.py VERSION")
    text = CHANGELOG.read_text(encoding="utf-8")
    section = find_section(text, sys.argv[1])
    if section is None:
        known = ", ".join(re.findall(_HEADING, text, re.M))
        print(f"CHANGELOG.md has no release {sys.argv[1]}; it has: {known}", file=sys.stderr)
        sys.exit(2)
    if not section:
        print(f"CHANGELOG.md says nothing of {sys.argv[1]}", file=sys.stderr)
        sys.exit(2)
    print(section, end="")


if __name__ == "__main__":
    main()
