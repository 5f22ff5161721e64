"""What can go wrong before and while templates become stacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a template (or in the code it names) that would make a deployment fail. `hint` says what to do."""

    template: Path
    line: int
    resource: str | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        about = f"{self.resource}: " if self.resource else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.template}:{self.line}: {about}{self.message}{hint}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A stack that the target refused or could not finish.

    `logical_id` and `type` name the first resource that failed, as the template has it (the function, not the role that
    SAM made for it), or are None where the stack as a whole was refused. `reason` is the target's own text.
    """

    stack: str
    logical_id: str | None
    type: str | None
    reason: str
    template: Path
    line: int

    def __str__(self) -> str:
        resource = f" at {self.logical_id} ({self.type})" if self.logical_id else ""
        return f"{self.template}:{self.line}: stack {self.stack} failed{resource}: {self.reason}"


class DeployError(Exception):
    """Templates did not become stacks; the message says what failed, where, and what to do.

    `failures` holds one entry for each stack that the target failed on; it is empty where deployment did not get that
    far.
    """

    def __init__(self, message: str, *, failures: Sequence[Failure] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


class PreflightError(DeployError):
    """The templates have problems; nothing was deployed. `problems` holds all of them, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda p: (str(p.template), p.line, p.resource or "", p.message))
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The templates have {count}; nothing was deployed.\n{listed}")
