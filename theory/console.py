"""The conventions of the command line: settings are dataclasses, JSON goes to standard output, progress to standard error."""

import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import fields, make_dataclass
from functools import partial
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any, TypeVar

from .records import to_json

__all__ = ["emit", "parse", "progress", "say"]

T = TypeVar("T")


def parse(
    kind: type[T],
    argv: Sequence[str],
    command: str,
    description: str | None = None,
    presets: Callable[[str], dict[str, Any]] | None = None,
) -> T:
    """The settings dataclass ``kind`` from command-line words; ``--config FILE`` (JSON) gives other defaults, and so does
    ``--preset NAME`` where ``presets`` knows names.

    Raises ValueError, in one sentence, for words that fit no option.
    """
    import tyro

    words, path = _take(list(argv), "--config", "the path of a JSON file")
    words, name = _take(words, "--preset", "a name") if presets else (words, None)
    unchecked = _without_checks(kind)
    default = None
    if path is not None or name is not None:
        base = presets(name) if presets and name is not None else {}
        default = unchecked(**vars(from_mapping(kind, base | (_settings(path) if path is not None else {}))))
    read = tyro.cli if default is None else partial(tyro.cli, default=default)
    errors = io.StringIO()
    try:
        with redirect_stderr(errors):
            found = read(unchecked, args=words, prog=f"signescape {command}", description=description)
    except SystemExit as end:
        if not end.code:
            raise
        raise ValueError(f"{_sentence(errors.getvalue())} `signescape {command} --help` lists the options.") from None
    return kind(**vars(found))


def _settings(path: str) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise ValueError(f"Settings are a mapping of names to values, not {found!r}.")
    return found


def _take(words: list[str], option: str, what: str) -> tuple[list[str], str | None]:
    """The words without ``option VALUE`` or ``option=VALUE``, and the value."""
    words = [part for w in words for part in (w.split("=", 1) if w.startswith(f"{option}=") else [w])]
    if words.count(option) > 1:
        raise ValueError(f"{option} is given twice.")
    if option not in words:
        return words, None
    at = words.index(option)
    if at + 1 == len(words):
        raise ValueError(f"{option} needs {what}.")
    return words[:at] + words[at + 2 :], words[at + 1]


def _sentence(page: str) -> str:
    """What tyro's error page says between its first two rules, with a frame or (where the encoding has none) without."""
    lines = list(dropwhile(lambda line: not _is_rule(line), page.splitlines()))[1:]
    text = " ".join(line.strip("│ ") for line in takewhile(lambda line: not _is_rule(line), lines)) or page.strip()
    return text if text.endswith(".") else f"{text}."


def _is_rule(line: str) -> bool:
    return line.startswith(("╭", "╰")) or not line.strip("│─- ")


def _without_checks(kind: type[Any]) -> type[Any]:
    """``kind`` without its ``__post_init__``, whose sentences tyro would wrap into a page of its own."""
    own = {"__post_init__": lambda self: None, "__doc__": kind.__doc__, "__module__": kind.__module__}
    return make_dataclass(kind.__name__, [], bases=(kind,), namespace=own, frozen=kind.__dataclass_params__.frozen)


def read_json(path: str | Path) -> Any:
    """The content of a JSON file, or one sentence that says why not."""
    try:
        content = json.loads(Path(path).read_text())
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The file {str(path)!r} can't be read as JSON: {error}.") from None
    return content.get("settings", content) if isinstance(content, dict) else content


def from_mapping(kind: type[T], settings: Any) -> T:
    """``kind(**settings)``; unknown names are refused with a sentence."""
    if not isinstance(settings, dict):
        raise ValueError(f"Settings are a mapping of names to values, not {settings!r}.")
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    for name in settings:
        if name not in known:
            raise ValueError(f"Unknown setting {name!r}; known are {', '.join(sorted(known))}.")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})


def emit(document: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(to_json(document) + "\n")


def say(text: str) -> None:
    """A line for a person, on standard error."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Counts finished units and shows them: in place on a terminal, as a line every few seconds elsewhere."""

    def __init__(self, what: str, total: int, every: float):
        self.what, self.total, self.every = what, total, every
        self.done, self.skipped, self.began, self.shown = 0, 0, time.monotonic(), -float("inf")

    def skip(self, units: int) -> None:
        """``units`` were done before, and say nothing about how long the rest takes."""
        self.skipped += units
        self(units)

    def __call__(self, units: int = 1, note: str = "") -> None:
        """``units`` more are done."""
        self.done += units
        now = time.monotonic()
        if now - self.shown >= self.every or self.done >= self.total:
            self.shown, spent = now, now - self.began
            text = f"{self.what}: {self.done}/{self.total}, {spent:.0f} s{self._pace(spent)}{note and '; ' + note}"
            end = "\n" if not sys.stderr.isatty() or self.done >= self.total else ""
            print(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)

    def _pace(self, spent: float) -> str:
        new = self.done - self.skipped
        if not new or not spent:
            return ""
        return f", {float(f'{new / spent:.2g}'):g}/s, about {spent / new * (self.total - self.done):.0f} s left"


@contextmanager
def progress(what: str, total: int, every: float = 5.0) -> Iterator[Progress]:
    """``with progress("trials", 100) as step: step()``"""
    yield Progress(what, total, 0.1 if sys.stderr.isatty() else every)
