"""The steps of docs/tutorial.md: the files that it shows, and the commands with what they print."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "tutorial.md"
_FENCE = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
_VARIES = (
    # Times, ids, ports, and the widths of columns that hold them.
    (re.compile(r"\d+(\.\d+)? ?(ms|s)\b"), "TIME"),
    (re.compile(r"\d\d:\d\d:\d\d\.\d+"), "TIME"),
    (re.compile(r"buyer-\w{8}"), "BUYER"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"execute-api/\w+"), "API"),
    (re.compile(r"^Flow \w{8}  1-\w{8}-\w{24}"), "FLOW"),
    (re.compile(r"-{5,}|={5,}"), "RULE"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class File:
    path: str
    text: str


@dataclass(frozen=True)
class Command:
    line: str
    prints: tuple[str, ...]
    """The lines below it on the page; the command may print others between them."""

    def missing_from(self, output: str) -> str | None:
        """The first line that the output does not have; a printed line may go on after it. What varies between runs is not
        compared."""
        printed = iter([same(line) for line in output.splitlines()])
        return next((line for line in self.prints if not any(each.startswith(same(line)) for each in printed)), None)


def steps() -> list[File | Command]:
    """In the order of the page. A block without a title that is no console is an illustration."""
    found: list[File | Command] = []
    for fence in _FENCE.finditer(PAGE.read_text(encoding="utf-8")):
        if fence["title"]:
            found.append(File(fence["title"], fence["text"]))
        elif fence["language"] == "console":
            for part in re.split(r"^\$ ", fence["text"], flags=re.MULTILINE)[1:]:
                line, *prints = part.splitlines()
                found.append(Command(line, tuple(prints)))
    return found


def same(line: str) -> str:
    """The line without what varies."""
    for pattern, name in _VARIES:
        line = pattern.sub(name, line)
    return line.strip()
