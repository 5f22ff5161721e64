"""The secrets that one of our engines redacts in its records: redact with the same key, or show them if the engine was
started for that (`harness up --show-secrets`).
"""

from collections.abc import Mapping

from harness.engine.capabilities import HARNESS_API
from harness.engine.target import Target
from harness.errors import EngineError
from harness.journal.redaction import MARK, Redactor, put_back

OPTION = "--show-secrets"


def redactor_of(target: Target | None) -> Redactor:
    """A redactor with the engine's key, so that a secret has the same mark as in the journal; with a new key if the target has
    none or does not answer."""
    if target is None or not target.capabilities & HARNESS_API.keys():
        return Redactor()
    try:
        return Redactor(bytes.fromhex(target.harness.get("/secrets")["key"]))
    except (EngineError, LookupError):
        return Redactor()


class Shown:
    """Restores secrets in lines of the journal. Raises EngineError for a target that was not started for it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._marks: Mapping[str, str] = {}
        self._read()

    def __call__(self, line: str) -> str:
        if "<secret:" not in line:
            return line
        if any(mark not in self._marks for mark in MARK.findall(line)):
            self._read()
        return put_back(line, self._marks, in_json=True)

    def _read(self) -> None:
        if not self._target.capabilities & HARNESS_API.keys():
            raise EngineError(
                f"{OPTION}: the {self._target.engine} target at {self._target.address} keeps no journal that secrets are cut "
                f"out of. Leave {OPTION} out, or use an engine of our own."
            )
        told = self._target.harness.get("/secrets")
        if not told["shown"]:
            raise EngineError(
                f"{OPTION}: the engine at {self._target.address} cuts secrets before it records them and keeps none, so there "
                f"is nothing to show. Start it for a look: 'harness down', then 'harness up {OPTION}' (or show_secrets = true "
                "in [tool.harness]), and do again what you want to see."
            )
        self._marks = told["marks"]
