"""Whether one of our engines decides calls by IAM policies: the mode, which a test run may change for its duration.

`enforce` refuses denied calls, `report` lets them through and lists them, `off` checks nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from harness.engine import state_folder
from harness.engine.capabilities import HARNESS_API
from harness.engine.control import HarnessApi
from harness.engine.target import Target, is_this_machine
from harness.errors import EngineError

IAM_MODES = ("enforce", "report", "off")
IAM_VARIABLE = "HARNESS_IAM"
"""The engine's environment variable with the initial mode."""
FILE = "iam.json"
"""In the folder of a test run."""


def mode_of(target: Target) -> str | None:
    """The mode in force; None for a target that is not one of our engines. Raises EngineError."""
    if not target.capabilities & HARNESS_API.keys():
        return None
    return str(target.harness.iam()["mode"])


@dataclass(frozen=True, slots=True)
class ReportedDenial:
    """A denial that a role (or another principal) would have got: one action, how often, and on which resources."""

    principal: str
    action: str
    count: int
    resources: tuple[str, ...]
    """The first few."""
    reason: str

    def __str__(self) -> str:
        name = self.principal.partition(":role/")[2] or self.principal
        who = f"role {name}" if ":role/" in self.principal else name
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"{who}: {self.action} on {', '.join(self.resources)} ({times}), {self.reason}"


@dataclass(frozen=True, slots=True)
class RunMode:
    """The mode that a test run set on its engine, kept in a file of the run's folder for all of its processes."""

    endpoint_url: str
    mode: str
    before: str
    """The mode to restore at the end of the run."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How often denials were reported before the run, by principal and action."""
    token: str | None = field(default=None, repr=False)
    """The engine's token, for a process that has only the file."""

    @classmethod
    def begin(cls, folder: Path, target: Target, asked: str | None) -> bool:
        """Record the mode, and set the engine to the requested one; returns whether the mode changed.

        One process of the run at a time; the first does it for all. Raises EngineError if another run in progress has changed
        the mode of the same engine.
        """
        if (folder / FILE).exists() or mode_of(target) is None:
            return False
        told = target.harness.iam()
        found = cls(
            str(target.endpoint_url),
            asked or told["mode"],
            told["mode"],
            {_key(each["principal"], each["action"]): each["count"] for each in told["reported"]},
            target.token,
        )
        if found.mode == found.before == IAM_MODES[0]:
            return False
        if found.changes:
            found._refuse_beside_others(folder)
        # Written before the change: a run that is killed in between leaves what is needed to restore the mode.
        state_folder.write(folder / FILE, json.dumps(asdict(found)))
        if found.changes:
            target.harness.set_iam(found.mode)
        return found.changes

    @classmethod
    def of(cls, folder: Path) -> "RunMode | None":
        """The mode of a run; None if its engine enforces, which is the default."""
        try:
            return cls(**json.loads((folder / FILE).read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    @property
    def changes(self) -> bool:
        return self.mode != self.before

    def reported(self) -> list[ReportedDenial]:
        """The denials reported since the run began, the most frequent first. Raises EngineError."""
        found = []
        for told in self._engine.iam()["reported"]:
            count = told["count"] - self.counts.get(_key(told["principal"], told["action"]), 0)
            if count > 0:
                found.append(ReportedDenial(**{**told, "count": count, "resources": tuple(told["resources"])}))
        return sorted(found, key=lambda each: (-each.count, each.principal, each.action))

    def end(self, folder: Path) -> None:
        """Restore the previous mode if the run changed it and the mode has not changed since. Raises EngineError."""
        if self.changes and self._engine.iam()["mode"] == self.mode:
            self._engine.set_iam(self.before)
        (folder / FILE).unlink(missing_ok=True)

    @property
    def _engine(self) -> HarnessApi:
        return HarnessApi(self.endpoint_url, secret=self.token, trust_env=not is_this_machine(self.endpoint_url))

    def _refuse_beside_others(self, folder: Path) -> None:
        for other in folder.parent.glob(f"run-*/{FILE}"):
            theirs = RunMode.of(other.parent)
            pid = other.parent.name.removeprefix("run-")
            if theirs is None or theirs.endpoint_url != self.endpoint_url or not theirs.changes:
                continue
            if other.parent != folder and pid.isdigit() and psutil.pid_exists(int(pid)):
                raise EngineError(
                    f"Another test run (process {pid}) uses the engine at {self.endpoint_url} with --iam={theirs.mode}; this run "
                    f"requested --iam={self.mode}. Wait until it has ended, leave --iam out, or set the mode for all with "
                    f"'harness up --iam={self.mode}'."
                )


def _key(principal: str, action: str) -> str:
    return f"{principal} {action}"
