"""One file of an app: its text, its ERB tags, its Ruby, and the views of it that Ruby can make."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from ood_appgen.diagnostics import Span
from ood_appgen.lint import erb
from ood_appgen.lint.ruby import Program


@dataclass(frozen=True, slots=True)
class View:
    """One way in which a file's `if` and `case` can turn out: masked text, at the file's offsets.

    `opaque` are offsets where Ruby may put any number of lines: printed lines, and loops.
    """

    text: str
    opaque: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SourceFile:
    """A file of an app. `path` is as the user knows it, `name` inside the app (`template/x.sh`).

    `text` is empty and `binary` true for a file that is not UTF-8 text.
    """

    path: str
    name: str
    text: str
    executable: bool = False
    binary: bool = False

    @property
    def is_erb(self) -> bool:
        """Whether Open OnDemand runs the file through ERB."""
        return self.name.endswith(".erb")

    @cached_property
    def tags(self) -> tuple[erb.Tag, ...]:
        """The ERB tags; none in a file that is not ERB."""
        return erb.split(self.text) if self.is_erb else ()

    @cached_property
    def program(self) -> Program:
        """The Ruby in the tags."""
        return Program(self.text, erb.to_ruby(self.text, self.tags), self.tags)

    @cached_property
    def masked(self) -> str:
        """The text with all arms, and every tag masked (`erb.MASK` where something is printed)."""
        return self._masked[0]

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The masked text once for each arm of its conditions: see `Program.arm_choices`."""
        text, opaque = self._masked
        opaque = (*opaque, *self.program.loop_starts) if self.tags else opaque
        views = []
        for hidden in self.program.arm_choices if self.tags else ((),):
            shown = text
            for start, end in hidden:
                shown = shown[:start] + erb.blank(shown[start:end]) + shown[end:]
            left = tuple(o for o in opaque if not any(s <= o < e for s, e in hidden))
            views.append(View(shown, left))
        return tuple(views)

    @cached_property
    def _masked(self) -> tuple[str, tuple[int, ...]]:
        return erb.mask(self.text, self.tags)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of a character."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The place of the characters from `start` to before `end`."""
        return Span(self.path, *self.position(start), *self.position(max(start, end)))

    def line(self, number: int) -> str:
        """The text of a line, from 1, without its end."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")

    def line_offset(self, number: int) -> int:
        """The offset at which a line, from 1, begins."""
        return self._line_starts[number - 1]

    @property
    def line_count(self) -> int:
        """How many lines there are; the empty one after a last newline counts."""
        return len(self._line_starts)
