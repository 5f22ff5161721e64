"""The trace files of tests: one page for each failed test, named after the test, and replaced by the next run."""

import platform
import shlex
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from harness.engine import state_folder
from harness.report.page import render
from harness.report.trace import Test, Trace, TraceableFlow, trace_flow

_OURS = ("serverless-harness", "boto3", "pytest", "hypothesis")


def write(
    file: Path,
    flows: Iterable[TraceableFlow],
    *,
    test: Test | None = None,
    command: str = "",
    versions: Mapping[str, str] | None = None,
) -> None:
    """Write these flows to a file that only this user can read."""
    traced = list(flows)
    trace = Trace(tuple(trace_flow(flow) for flow in traced), test, command, versions or {})
    page = render(trace, [flow.topology for flow in traced])
    state_folder.write(file, page)


def command(test_id: str, options: Iterable[str]) -> str:
    """The shell command that runs a test again."""
    return shlex.join(["pytest", test_id, *options])


def versions(engine: str, of_engine: Mapping[str, str]) -> dict[str, str]:
    """The versions that it ran with. `of_engine` are those that the engine reports, which need not be installed here."""
    found = {name: version for name in _OURS if (version := _installed(name))}
    return {
        "engine": engine,
        **{name: str(version) for name, version in of_engine.items() if name not in found},
        **found,
        "python": platform.python_version(),
        "on": platform.platform(terse=True),
    }


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
