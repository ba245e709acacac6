"""Refuse answers that Open OnDemand cannot use, before anything is written."""

import json
import re
import sys

# JSON text in a literal: whatever the answers hold, they are data here.
ANSWERS = json.loads({{ cookiecutter | jsonify | jsonify }})

# Open OnDemand brings apps of these names along, and this one would be put in their place.
OF_ONDEMAND = (
    "activejobs bc_desktop dashboard file-editor files myjobs projects shell system-status systemstatus"
).split()
# Directories of a site's repository, and of the dashboard.
DIRECTORIES = "apps blocks build dev local overrides sys usr".split()


def show(text):
    """An answer in quotes, with nothing in it that a terminal would act on."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def check_id(text):
    """An app's id: a directory on the portal, and part of the name of pods."""
    if not re.fullmatch(r"[a-z]([a-z0-9_-]*[a-z0-9])?", text):
        return "must start with a lower-case letter, and have lower-case letters, digits, - and _ (not at its end)"
    if len(text) > 40:
        return "has more than 40 characters, which is too long for the name of a pod"
    if text in OF_ONDEMAND:
        return "is the name of one of Open OnDemand's own apps, which this one would replace"
    if text in DIRECTORIES:
        return "is a reserved word: directories are called so"
    return ""


def check_line(text):
    """Text that people read."""
    if not text.strip():
        return "must not be empty"
    if not text.isprintable():
        return "must be one line of text without control characters"
    if len(text) > 300:
        return "has more than 300 characters"
    return ""


def check_modules(text):
    """Names of modules, with blanks between them."""
    if re.search(r"[^ -~]", text):
        return "must be names of modules, with blanks between them"
    bad = [name for name in text.split() if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]*", name)]
    if not bad:
        return ""
    return "is not a module name" if bad == [text] else "has {}, which is not a module name".format(show(bad[0]))


def matches(pattern, problem):
    """A check by a pattern."""
    return lambda text: "" if re.fullmatch(pattern, text, re.ASCII) else problem


CHECKS = {
    "app_id": ("the id", check_id),
    "title": ("the title", check_line),
    "description": ("the description", check_line),
    "program": (
        "the program",
        matches(r"[A-Za-z0-9_/][\w.+/-]*", "must be the name or path of one command, without arguments: put these into script.sh"),
    ),
    "modules": ("modules:", check_modules),
    "image": (
        "the image",
        matches(r"/[\w.+@/-]*\.(sif|sqsh|img)|/[\w.+@/-]*[\w+@]", "must be an absolute path of letters, digits and . _ + @ - /"),
    ),
    "kubernetes_image": (
        "the image",
        matches(r"[A-Za-z0-9][\w./:@-]*", "must be the name of an image, as ondemand/jupyter:1.0"),
    ),
    "maintainer": ("the maintainer", check_line),
    "support_url": (
        "the address",
        matches(r"https?://[A-Za-z0-9][\w.~:/?#@!$&*+,;=%-]*", "must be a web address that begins with https://"),
    ),
    "kind": ("the kind", matches(r"web|jupyter|rstudio|codeserver|vnc|shiny|streamlit|marimo|tensorboard", "is unknown")),
    "schedulers": ("schedulers:", matches(r"slurm|slurm and kubernetes", "must be slurm, or slurm and kubernetes")),
    "software": ("software:", matches(r"modules|container", "must be modules or container")),
    "standalone": ("standalone:", matches(r"yes|no", "must be yes or no")),
}

# What is in no file of the app is not looked at.
NEEDED = {
    "program": ANSWERS["kind"] == "vnc",
    "image": ANSWERS["software"] == "container",
    "kubernetes_image": "kubernetes" in ANSWERS["schedulers"],
}

problems = []
for name, (what, check) in CHECKS.items():
    problem = check(ANSWERS[name]) if NEEDED.get(name, True) else ""
    if problem:
        problems.append("{} {} {}".format(what, show(ANSWERS[name]), problem))
if ANSWERS["kind"] == "vnc" and ANSWERS["schedulers"] != "slurm":
    problems.append(
        "a program through VNC runs on Slurm alone: a pod has one port, and Open OnDemand's VNC needs two"
    )
if problems:
    text = "\n".join("error: {}".format(problem) for problem in problems)
    encoding = sys.stderr.encoding or "ascii"
    sys.exit(text.encode(encoding, "backslashreplace").decode(encoding))
