"""What can go wrong: one base class, and a child for each cause that a user can do something about.

Every message says what went wrong, where, and what to do. `HarnessError` catches all of them; those that fail a test
are AssertionErrors as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class HarnessError(Exception):
    """The base of all errors of this package."""


class SettingsError(HarnessError):
    """A setting is wrong; the message says which, where, and what it may be."""


class TemplateError(HarnessError):
    """A file cannot be read as a template; the message holds file:line:column and the lines around it."""

    def __init__(self, file: Path, line: int, column: int, problem: str, excerpt: str = "") -> None:
        super().__init__(f"{file}:{line}:{column}: {problem}" + (f"\n{excerpt}" if excerpt else ""))
        self.file, self.line, self.column, self.problem, self.excerpt = file, line, column, problem, excerpt


class EngineError(HarnessError):
    """An engine could not do what it was asked.

    `log` holds the engine's last log lines, or is empty.
    """

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.log = log

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n\nThe engine's last log lines:\n{self.log}" if self.log else message


class MissingCapabilityError(EngineError):
    """The target lacks something that a test or a stack needs. pytest skips the test, with `reason`.

    `capability` is a name of `harness.engine.capabilities`, the AWS service that does not answer, or the CloudFormation
    type that the target does not have.
    """

    def __init__(self, capability: str, reason: str) -> None:
        super().__init__(reason)
        self.capability = capability
        self.reason = reason


class JournalError(HarnessError):
    """The journal cannot be read, or not from the requested record on; the message says why."""


@dataclass(frozen=True, slots=True)
class TemplateProblem:
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
class StackFailure:
    """A stack that the target refused or could not finish.

    `logical_id` and `type` name the first resource that failed, as the template has it (the function, not the role that
    SAM made for it), or are None where the stack as a whole was refused. `reason` is the target's text.
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


class DeployError(HarnessError):
    """The templates could not be deployed; the message says what failed, where, and what to do.

    `failures` holds one entry for each stack that the target failed on; it is empty if deployment did not get that far.
    """

    def __init__(self, message: str, *, failures: Sequence[StackFailure] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


class PreflightError(DeployError):
    """The templates have problems; nothing was deployed. `problems` holds all of them, in the order of the files."""

    def __init__(self, problems: Sequence[TemplateProblem]) -> None:
        self.problems = sorted(set(problems), key=lambda p: (str(p.template), p.line, p.resource or "", p.message))
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The templates have {count}; nothing was deployed.\n{listed}")


class NotDeployedError(HarnessError, KeyError):
    """A stack, output or resource does not exist; the message lists those that do."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownFlowError(HarnessError):
    """No recorded flow has this name, or several have; the message lists those that could be meant."""


class FlowTimeoutError(HarnessError, AssertionError):
    """A flow did not settle in time; the message lists what is pending, where, and why. `flow` is a `harness.Flow`,
    whose steps the pytest plugin prints with the failure."""

    def __init__(self, message: str, flow: Any) -> None:
        super().__init__(message)
        self.flow = flow


class NotWaitingError(HarnessError, AssertionError):
    """A flow settled without waiting for a callback; the message says what it did instead."""


class EmptyFlowError(HarnessError, AssertionError):
    """`settle()` recorded no activity for the flow, so every assertion about it would pass vacuously."""
