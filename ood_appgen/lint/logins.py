"""Switches that start a service without its login, wherever they stand in an app's shell.

The servers are often started by way of a container, of a script that is written first, or of a variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.lint import shell

_GAP = r"(?:=|[ \t]+(?:\\\n[ \t]*)?)"
_RSTUDIO = "let RStudio ask for a password: --auth-none 0 with --auth-pam-helper-path"
_RSTUDIO_FILE = "let RStudio ask for a password: auth-none=0 with auth-pam-helper-path=..."
_VSCODE = "leave --auth at password and set PASSWORD to one made for the session"
_VSCODE_FILE = (
    "leave the line out or write auth: password, and set PASSWORD to one made for the session"
)
_TOKEN = "give it a token or a password that is made for each session (create_passwd 16)"
_VNC = "use -SecurityTypes VncAuth with the password file that Open OnDemand's VNC template makes"
# Each has a word that it begins with, and what to write in place of it.
_SWITCHES = (
    ("auth-none", rf"(?<![\w-])--auth-none{_GAP}[\"']?(?:1|true)\b[\"']?", _RSTUDIO),
    ("auth-none", r"^[ \t]*auth-none[ \t]*=[ \t]*(?:1|true)\b", _RSTUDIO_FILE),
    ("--auth", rf"(?<![\w-])--auth{_GAP}[\"']?none\b[\"']?", _VSCODE),
    ("auth:", r"^[ \t]*auth:[ \t]*[\"']?none[\"']?[ \t]*$", _VSCODE_FILE),
    ("--without-connection-token", r"(?<![\w-])--without-connection-token\b", _TOKEN),
    ("--no-token", r"(?<![\w-])--no-token\b", _TOKEN),
    ("DISABLE_AUTH", r"\bDISABLE_AUTH=[\"']?(?i:true)\b[\"']?", _RSTUDIO),
    ("MWI_ENABLE_TOKEN_AUTH", r"\bMWI_ENABLE_TOKEN_AUTH=[\"']?(?i:false|0)\b[\"']?", _TOKEN),
    ("SecurityTypes", rf"(?<![\w-])--?SecurityTypes{_GAP}[\"']?None\b[\"']?", _VNC),
    ("securitytypes", rf"(?<![\w-])--?securitytypes{_GAP}[\"']?[Nn]one\b[\"']?", _VNC),
)
_PATTERNS = tuple((word, re.compile(p, re.MULTILINE), hint) for word, p, hint in _SWITCHES)


def find(part: shell.Part) -> Iterator[tuple[re.Match[str], str]]:
    """Each switch in `part.code`, with what to do about it."""
    for word, pattern, hint in _PATTERNS:
        for found in pattern.finditer(part.code) if word in part.text else ():
            yield found, hint
