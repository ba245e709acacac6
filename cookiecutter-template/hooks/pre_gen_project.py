"""Refuse answers that Open OnDemand cannot use, before anything is written."""

import re
import sys

APP_ID = {{ cookiecutter.app_id | jsonify }}  # JSON text is a Python literal
MODULES = {{ cookiecutter.modules | jsonify }}.split()

problems = []
if not re.fullmatch(r"[a-z][a-z0-9_-]*", APP_ID):
    problems.append(
        f'the id "{APP_ID}" must start with a lower-case letter and have lower-case letters, digits, - and _'
    )
problems += [
    f'"{name}" is not a module name' for name in MODULES if not re.fullmatch(r"[A-Za-z0-9_][\w.+/-]*", name)
]
if problems:
    sys.exit("\n".join(f"error: {problem}" for problem in problems))
