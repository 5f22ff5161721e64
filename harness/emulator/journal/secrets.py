"""The redactor of this engine: what enters its journal and its log is cut with one key, made when the engine starts.

`HARNESS_SHOW_SECRETS=1` (`harness up --show-secrets`) lets it remember in memory what its marks stand for. Then
`/_harness/secrets` returns it; records, logs and files still have only the marks.
"""

import os
from typing import Any

from harness.journal.redaction import SHOW_VARIABLE, Redactor

REDACTOR = Redactor(keeps=os.environ.get(SHOW_VARIABLE) == "1")


def told() -> dict[str, Any]:
    """What `/_harness/secrets` answers: the key, so that readers of this engine cut with the same one, and what it kept."""
    marking = REDACTOR.marking
    return {"key": marking.key.hex(), "shown": marking.keeps, "marks": marking.kept()}
