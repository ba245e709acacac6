"""What a password, key or token looks like, wherever text is read: for the linter and for profiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Secrets that are known by their form (from their makers' documentation), and a part of each.
_FORMATS = (
    ("AKIA", "an AWS access key", r"\bAKIA[0-9A-Z]{16}\b"),
    ("gh", "a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
    ("github_pat_", "a GitHub token", r"\bgithub_pat_\w{60,}\b"),
    ("glpat-", "a GitLab token", r"\bglpat-[\w-]{20,}"),
    ("xox", "a Slack token", r"\bxox[abprs]-[0-9A-Za-z-]{20,}"),
    ("AIza", "a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("hf_", "a Hugging Face token", r"\bhf_[A-Za-z]{34,}\b"),
    ("npm_", "an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("sk-ant-", "an Anthropic key", r"\bsk-ant-[\w-]{40,}"),
    ("sk-", "an OpenAI key", r"\bsk-(?:proj-[\w-]{40,}|[A-Za-z0-9]{48})\b"),
    ("PRIVATE KEY", "a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    (
        "://",
        "a password in an address",
        r"://[\w.%-]+:([^\s:@/$<>{}\"'`*\[\]]{3,})@[\w.-]+",
    ),
)
_PATTERNS = tuple((begin, what, re.compile(pattern)) for begin, what, pattern in _FORMATS)
# The adapter's `image_pull_secret` is the name of a secret, and none itself (OSC/ood_core
# lib/ood_core/job/adapters/kubernetes/helper.rb, `container_from_native`).
_NAME = re.compile(
    r"(?:\A|(?<!image_pull)[_.-])(?:passw(?:or)?d|passphrase|secret|secret[_-]?key|api[_-]?key|access[_-]?token"
    r"|auth[_-]?token|private[_-]?token|secret[_-]?access[_-]?key|secret[_-]?key[_-]?base"
    r"|cookie[_-]?(?:key|secret)s?|encryption[_-]?key|signing[_-]?key)\Z",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"\A(?:\s*|true|false|yes|no|none|null|nil|x+|\*+|\.+|[/~].*|.*[\s$`<>{}%\[\]].*|.*example.*"
    r"|.*your.*|.*change.?me.*|.*placeholder.*|.*redacted.*|sha\d*:.*|argon2:.*|\d)\Z",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret in a text: what it is, and from where to where it stands."""

    what: str
    start: int
    end: int


def find_credentials(text: str) -> Iterator[Credential]:
    """Secrets that their form gives away."""
    for begin, what, pattern in _PATTERNS:
        for found in pattern.finditer(text) if begin in text else ():
            is_key = what == "a private key"
            if not is_key and not may_be_secret(found[found.lastindex or 0]):
                continue
            line_end = text.find("\n", found.end())
            rest = text[found.end() : line_end if line_end >= 0 else None]
            if is_key and not _is_key_body(text, found.end(), rest):
                continue
            start = found.start(1) if found.lastindex else found.start()
            end = found.end(1) if found.lastindex else found.end()
            yield Credential(what, start, end)


def names_secret(name: str) -> bool:
    """Whether what is called so holds a secret."""
    return bool(_NAME.search(name))


def may_be_secret(text: str) -> bool:
    """Whether a text under such a name can be one: no placeholder, path, digest or word of truth."""
    return not _NO_SECRET.match(text)


def _is_key_body(text: str, end: int, rest: str) -> bool:
    """Whether a key follows its first line, and no test for one."""
    following = text[end + len(rest) + 1 : end + len(rest) + 65].strip()
    return not rest.strip() and bool(re.match(r"[A-Za-z0-9+/=]{40}|Proc-Type:", following))
