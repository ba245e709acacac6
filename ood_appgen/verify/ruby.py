"""What real Ruby makes of an app's ERB files, from one long-lived Ruby process.

``evaluate.rb`` beside this module does the work and describes the protocol:

    with RubyOracle() as oracle:
        answer = oracle.evaluate(Request("submit", path=app / "submit.yml.erb", context=choice))
        assert isinstance(answer, Rendered)
        assert answer.data == {"script": {"native": ["-n", "4"]}}

A template that fails is an answer (``Failure``). An exception means that there is no answer.
"""

import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

EVALUATE_RB = Path(__file__).with_name("evaluate.rb")
STAGED_ROOT = "/home/ada/ondemand/data/sys/dashboard/batch_connect/sys/jupyter/output/abc"

# All that the Ruby process inherits. HOME and USER are those of the request.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "GEM_HOME", "GEM_PATH", "RUBYLIB", "TMPDIR", "TZ")
_CHUNK = 1 << 16
_IN_FLIGHT = 64
_STDERR_KEPT = 1 << 20

Kind: TypeAlias = Literal["submit", "template", "view"]


@dataclass(frozen=True, slots=True)
class Group:
    """A Unix group."""

    name: str
    gid: int


@dataclass(frozen=True, slots=True)
class User:
    """A Unix account. Without ``groups`` its one group has the user's name."""

    name: str
    uid: int
    gid: int
    home: str
    gecos: str = ""
    shell: str = "/bin/bash"
    groups: tuple[Group, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the account as the protocol has it."""
        account = asdict(self)
        if not self.groups:
            del account["groups"]
        return account


ADA = User("ada", 1001, 1001, "/home/ada")
SUPPORT = User("support", 1002, 1002, "/users/support")


@dataclass(frozen=True, slots=True)
class Request:
    """One file to evaluate: ``path``, or ``text`` (which ``path`` then only names).

    ``context`` holds the form's values, or for a view the connection's. ``user`` is who runs the
    dashboard, ``users`` are the others that exist, ``fmt`` is the adapter of the app's first
    cluster as OOD names it.
    """

    kind: Kind
    path: Path | str | None = None
    text: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    staged_root: str | None = STAGED_ROOT
    user: User | None = ADA
    users: tuple[User, ...] = (SUPPORT,)
    fmt: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the request as the protocol has it, without an id."""
        return {
            "kind": self.kind,
            "path": None if self.path is None else os.fspath(self.path),
            "text": self.text,
            "context": dict(self.context),
            "staged_root": self.staged_root,
            "user": None if self.user is None else self.user.to_json(),
            "users": {user.name: user.to_json() for user in self.users},
            "fmt": self.fmt,
        }


@dataclass(frozen=True, slots=True)
class AppRequest:
    """All files of one app for one choice: the submit file, the templates, the view.

    Paths are those of files; `context` is what the form posts, `connection` what the view sees.
    """

    submit: str | None
    templates: tuple[str, ...]
    view: str | None
    context: Mapping[str, str]
    connection: Mapping[str, Any]
    staged_root: str
    user: User
    users: tuple[User, ...]
    fmt: str

    def to_json(self) -> dict[str, Any]:
        """Return the request as the protocol has it, without an id."""
        return {
            "kind": "app",
            "submit": self.submit,
            "templates": self.templates,
            "view": self.view,
            "context": dict(self.context),
            "connection": dict(self.connection),
            "staged_root": self.staged_root,
            "user": self.user.to_json(),
            "users": {user.name: user.to_json() for user in self.users},
            "fmt": self.fmt,
        }


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a file came out as. ``data`` is what a submit file's YAML says, else None."""

    text: str
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Failure:
    """What a file raised, in Ruby's words.

    ``line`` is a line of the template, where that is known. ``text`` is there if the template
    could be rendered and what it rendered could not be read.
    """

    error_class: str
    message: str
    line: int | None
    text: str | None


Answer: TypeAlias = Rendered | Failure


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """What the files came out as; `files` by path."""

    submit: Answer | None
    files: Mapping[str, Answer]


class RubyOracleError(Exception):
    """There is no answer, and this oracle will give no further one."""


class RubyMissingError(RubyOracleError):
    """There is no Ruby to ask."""


class RubyDiedError(RubyOracleError):
    """The Ruby process ended before it answered."""


class RubyTimeoutError(RubyOracleError):
    """A template did not come to an end in time."""


class RubyOracle:
    """One Ruby process that evaluates requests, in order. Not for use by two threads."""

    def __init__(self, ruby: str = "ruby", timeout_s: float = 30.0) -> None:
        """Start the process; ``timeout_s`` is the time to wait for any one answer."""
        found = shutil.which(ruby)
        if found is None:
            raise RubyMissingError(f"no program {ruby!r} to evaluate ERB with: install Ruby 3.1+")
        self._timeout_s = timeout_s
        self._last_id = 0
        self._unread = b""
        self._texts: dict[str, str] = {}  # what each file came out as last
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # Without these two a message depends on what else the template and Ruby know.
        plain = ["--disable=did_you_mean", "--disable=error_highlight"]
        self._process = subprocess.Popen(
            [found, *plain, str(EVALUATE_RB)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
            env=environment | {"LANG": "C.UTF-8"},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        os.set_blocking(self._stdin.fileno(), False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process. Closing twice does nothing."""
        if self._stderr.closed:
            return
        self._stdin.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
        self._stderr.close()

    def evaluate(self, request: Request) -> Answer:
        """Evaluate one request."""
        return self.evaluate_all([request])[0]

    def evaluate_all(self, requests: Iterable[Request]) -> list[Answer]:
        """Evaluate many requests, without waiting for one answer to ask the next."""
        asked = list(requests)
        ids = self._next_ids(len(asked))
        replies = self._exchange(_lines(ids, asked), asked, len(asked))
        return [_answer(_read(reply, at)) for at, reply in zip(ids, replies, strict=True)]

    def stream(self, requests: Iterable[AppRequest]) -> Iterator[AppAnswer]:
        """Evaluate any number of apps' choices, in order; few are in memory at any time.

        Ruby works on the next ones while the caller looks at an answer.
        """
        source = iter(requests)
        waiting: deque[tuple[int, AppRequest]] = deque()
        while True:
            fresh = list(islice(source, _IN_FLIGHT - len(waiting)))
            if not fresh and not waiting:
                return
            ids = self._next_ids(len(fresh))
            waiting += zip(ids, fresh, strict=True)
            asked = [request for _, request in waiting]
            for reply in self._exchange(_lines(ids, fresh), asked, 1):
                asked_id, _ = waiting.popleft()
                yield _app_answer(_read(reply, asked_id), self._texts)

    def _next_ids(self, count: int) -> range:
        if self._stderr.closed:
            raise RubyOracleError("this oracle is closed")
        first = self._last_id + 1
        self._last_id += count
        return range(first, first + count)

    def noise(self) -> str:
        """Return what templates have printed so far, and Ruby's warnings."""
        # Ruby writes at this file's offset, which a seek here would move.
        return os.pread(self._stderr.fileno(), _STDERR_KEPT, 0).decode(errors="replace")

    def _exchange(
        self, lines: Sequence[bytes], asked: Sequence[Request | AppRequest], wanted: int
    ) -> list[bytes]:
        """Write all lines, and read the answers that are there, at least `wanted`.

        Both at the same time, as either pipe may be full. `asked` are all requests without an
        answer, for what is said where there is none.
        """
        try:
            return self._write_and_read(b"".join(lines), asked, wanted)
        except BaseException:  # the streams are out of step, even after a KeyboardInterrupt
            self._process.kill()
            self.close()
            raise

    def _write_and_read(
        self, text: bytes, asked: Sequence[Request | AppRequest], wanted: int
    ) -> list[bytes]:
        replies: list[bytes] = []
        unwritten = memoryview(text)
        deadline = time.monotonic() + self._timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            if unwritten:
                selector.register(self._stdin, selectors.EVENT_WRITE)
            while unwritten or len(replies) < wanted:
                ready = selector.select(deadline - time.monotonic())
                if not ready and time.monotonic() >= deadline:
                    what = _describe(asked[len(replies)])
                    raise RubyTimeoutError(f"no answer in {self._timeout_s:g} s to {what}")
                for key, _ in ready:
                    if key.fileobj is self._stdin:
                        try:
                            written = os.write(key.fd, unwritten[:_CHUNK])
                        except BrokenPipeError:  # reading will say why
                            written = len(unwritten)
                        unwritten = unwritten[written:]
                        if not unwritten:
                            selector.unregister(self._stdin)
                        continue
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        raise self._died(asked[len(replies)])
                    *whole, self._unread = (self._unread + chunk).split(b"\n")
                    if whole:
                        replies += whole
                        deadline = time.monotonic() + self._timeout_s
        return replies

    def _died(self, request: Request | AppRequest) -> RubyDiedError:
        status = self._process.wait()
        return RubyDiedError(
            f"ruby ended (exit status {status}) before it answered {_describe(request)}; "
            f"it printed: {self.noise()[-2000:].strip() or 'nothing'}"
        )


def _describe(request: Request | AppRequest) -> str:
    if isinstance(request, AppRequest):
        return f"{request.submit} with {json.dumps(dict(request.context))}"
    name = request.path if request.path is not None else repr((request.text or "")[:60])
    return f"{request.kind} {name} with {json.dumps(dict(request.context))}"


def _lines(ids: range, requests: Sequence[Request | AppRequest]) -> list[bytes]:
    pairs = zip(ids, requests, strict=True)
    return [json.dumps({"id": at} | request.to_json()).encode() + b"\n" for at, request in pairs]


def _read(reply: bytes, asked_id: int) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(reply)
    if answer["id"] != asked_id:
        raise RubyOracleError(f"an answer to request {answer['id']}, not to {asked_id}")
    return answer


def _failure(error: Mapping[str, Any], text: str | None = None) -> Failure:
    return Failure(error["class"], error["message"], error["line"], text)


def _answer(answer: Mapping[str, Any]) -> Answer:
    if answer["ok"]:
        return Rendered(answer["text"], answer.get("data"))
    return _failure(answer["error"], answer.get("text"))


def _app_answer(answer: Mapping[str, Any], texts: dict[str, str]) -> AppAnswer:
    if not answer["ok"]:
        error = answer["error"]
        raise RubyOracleError(f"{error['class']}: {error['message']}")
    submit = answer["submit"]
    return AppAnswer(
        None if submit is None else _part("", submit, texts),
        {path: _part(path, part, texts) for path, part in answer["files"].items()},
    )


def _part(path: str, part: Mapping[str, Any], texts: dict[str, str]) -> Answer:
    if "error" in part:
        return _failure(part["error"])
    if "data" in part:
        return Rendered("", part["data"])
    if "text" in part:
        texts[path] = part["text"]
    return Rendered(texts[path], None)
