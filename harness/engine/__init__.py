"""Start, stop and reach the place where AWS calls go.

A `Target` is a place that answers AWS calls; an `Engine` makes one and ends it. This package knows nothing of templates,
tests or what runs inside the target.
"""

from harness.engine.embedded import EmbeddedEngine
from harness.engine.errors import EngineError
from harness.engine.target import HarnessApi, Target

__all__ = ["EmbeddedEngine", "EngineError", "HarnessApi", "Target"]
