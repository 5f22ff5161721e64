"""The part of the pytest plugin that leaves a trace of a test's flows: `--traces`."""

import hashlib
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.flow import Flow

MODES = ("on", "retain-on-failure", "off")
SECTION = "trace"
_WRITTEN = "harness_trace_file"
_LONGEST_NAME = 150
_OPTIONS = {
    "engine": "--engine",
    "endpoint_url": "--endpoint-url",
    "iam": "--iam",
    "hypothesis_seed": "--hypothesis-seed",
}


def add_option(group: pytest.OptionGroup) -> None:
    # Not `--trace`: that is pytest's own (it breaks at the start of each test), and is parsed before plugins are loaded.
    group.addoption(
        "--traces",
        choices=MODES,
        default="retain-on-failure",
        help="When a test leaves a trace of its flows, an HTML file in .harness/traces: what happened, step by step, and "
        "why an event did not arrive. on: also if the test passes. Default: retain-on-failure.",
    )


class Traces:
    """Writes the files, and lists them at the end of the run.

    `flows_of` gives a test's flows, as long as it has any; `versions` those of the engine in use, with its name.
    `cut` takes the secrets out of a text.
    """

    def __init__(
        self,
        config: pytest.Config,
        directory: Path,
        flows_of: "Callable[[pytest.Item], Sequence[Flow]]",
        versions: Callable[[], dict[str, str]],
        cut: Callable[[str], str],
    ) -> None:
        self._config = config
        self._directory = directory
        self._flows_of = flows_of
        self._versions = versions
        self._cut = cut
        self._mode = config.getoption("--traces")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """One that an earlier run left tells of what is not so any more."""
        if self._mode != "off":
            # A folder that cannot be written to is told of where there is a trace to write.
            with suppress(OSError):
                self._file(item).unlink()

    # The outermost, so that what it adds is the last that is read.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        wanted = report.failed if self._mode == "retain-on-failure" else self._mode == "on" and not report.skipped
        if wanted and (report.failed or report.when == "call") and (flows := list(self._flows_of(item))):
            report.sections.append((SECTION, self._write(item, call, report, flows)))
        return report

    def _write(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, flows: "Sequence[Flow]"
    ) -> str:
        """Returns what the test's last line says of it."""
        from harness.report import Test, trace_files  # a second, which a run whose tests pass does not wait for

        file = self._file(item)
        # What the report says is without secrets by now; what was raised is not.
        test = Test(item.nodeid, report.outcome, report.longreprtext, self._cut(_summary(call)))
        try:
            versions = self._versions()
            command = trace_files.command(item.nodeid, self._options(versions.get("engine", "")))
            trace_files.write(file, flows, test=test, command=command, versions=versions)
        except Exception as error:  # noqa: BLE001 - whatever it is: the test's own failure is what must be told
            return f"could not be written to {file}: {error!r}"
        shown = _relative(file)
        report.user_properties.append((_WRITTEN, shown))
        return shown

    def _file(self, item: pytest.Item) -> Path:
        return file_of(self._directory, item.nodeid)

    def _options(self, engine: str) -> list[str]:
        """Those of this run that a test's outcome depends on; the engine also where it was not asked for."""
        values = {option: self._config.getoption(name, None) for name, option in _OPTIONS.items()}
        values["--engine"] = values["--engine"] or (None if values["--endpoint-url"] else engine) or None
        # pytest-randomly seeds each test anew; by now the option has the seed that was chosen.
        if isinstance(seed := self._config.getoption("randomly_seed", None), int):
            values["--randomly-seed"] = seed
        return [f"{option}={value}" for option, value in values.items() if value is not None]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Lists the files of tests that failed; how many there are of those that passed."""
        written = {
            str(value): report.failed
            for reports in terminalreporter.stats.values()
            for report in reports
            for name, value in getattr(report, "user_properties", ())
            if name == _WRITTEN
        }
        if not written:
            return
        terminalreporter.section("traces")
        for file in (file for file, failed in written.items() if failed):
            terminalreporter.write_line(file)
        if passed := list(written.values()).count(False):
            tests = "1 test that" if passed == 1 else f"{passed} tests that"
            terminalreporter.write_line(f"and of {tests} passed, in {_relative(self._directory)}")


def file_of(directory: Path, test_id: str) -> Path:
    """Where the trace of a test is: "scenarios.test_flows.test_sign_up[ada].html" of pytest's node id.

    Where the name had to lose something a digest keeps it apart from others.
    """
    path, _, rest = test_id.partition("::")
    whole = ".".join(filter(None, [path.removesuffix(".py").replace("/", "."), rest.replace("::", ".")]))
    name = re.sub(r"[^\w.=,+\[\]-]+", "-", whole, flags=re.ASCII)[:_LONGEST_NAME]
    if name != whole:
        name = f"{name}-{hashlib.sha256(test_id.encode()).hexdigest()[:8]}"
    return directory / f"{name}.html"


def _summary(call: pytest.CallInfo[None]) -> str:
    """The first line of what went wrong."""
    if call.excinfo is None:
        return ""
    said = call.excinfo.exconly(tryshort=True).strip().splitlines()
    return said[0] if said else ""


def _relative(file: Path) -> str:
    """From where pytest was started, where it is below."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
