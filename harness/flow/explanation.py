"""Why events of a flow were lost, or have not arrived yet: findings, each one sentence with its place in a template."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.flow.history import Activity


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a template."""

    file: Path
    line: int

    def __str__(self) -> str:
        """As a terminal and an editor read it: relative to the working directory if it is below that."""
        here = Path.cwd()
        file = self.file.absolute()
        return f"{file.relative_to(here) if file.is_relative_to(here) else self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause of a loss, or of a delay."""

    cause: str
    """The kind of finding, for sorting and assertions: "pattern-refused", "handler-raised"."""
    sentence: str
    """One sentence that names the cause and the resource."""
    resource: str
    """The resource: "stack.LogicalId" if a template declares it, else its ARN or address."""
    place: Place | None
    """The line of the template that decides it; None if no template does."""
    activities: tuple[Activity, ...]
    """The activities that show it, the decisive one first."""
    lost: bool
    """True: the event ends here. False: it waits, or will be retried, or this is a doubt."""

    def __str__(self) -> str:
        return f"{self.sentence} ({self.place})" if self.place else self.sentence


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why events of a flow did not arrive, as findings. False if nothing was lost and nothing waits."""

    findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        """One finding a line."""
        return "\n".join(map(str, self.findings))
