"""The part of the pytest plugin that writes a trace of a test's flows: `--traces`."""

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

    `flows_of` returns a test's flows, while it has any; `versions` those of the engine in use, with its name.
    `cut` removes the secrets from a text.
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
        """A trace of an earlier run is out of date, so it is deleted."""
        if self._mode != "off":
            # A folder without write permission is reported when there is a trace to write.
            with suppress(OSError):
                self._file(item).unlink()

    # The outermost wrapper, so that its section is the last.
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
        """Returns the last line of the test's report: the file, or why it could not be written."""
        from harness.report import Test, trace_files  # takes a second, which a run without failures saves

        file = self._file(item)
        # The report has no secrets by now; the raised exception does.
        test = Test(item.nodeid, report.outcome, report.longreprtext, self._cut(_summary(call)))
        try:
            versions = self._versions()
            command = trace_files.command(item.nodeid, self._options(versions.get("engine", "")))
            trace_files.write(file, flows, test=test, command=command, versions=versions)
        except Exception as error:  # noqa: BLE001 - the test's own failure must be reported in any case
            return f"could not be written to {file}: {error!r}"
        shown = _relative(file)
        report.user_properties.append((_WRITTEN, shown))
        return shown

    def _file(self, item: pytest.Item) -> Path:
        return file_of(self._directory, item.nodeid)

    def _options(self, engine: str) -> list[str]:
        """The options of this run that a test's outcome depends on; also the engine if no option selected it."""
        values = {option: self._config.getoption(name, None) for name, option in _OPTIONS.items()}
        values["--engine"] = values["--engine"] or (None if values["--endpoint-url"] else engine) or None
        # pytest-randomly seeds each test again; by now the option has the chosen seed.
        if isinstance(seed := self._config.getoption("randomly_seed", None), int):
            values["--randomly-seed"] = seed
        return [f"{option}={value}" for option, value in values.items() if value is not None]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Lists the files of failed tests, and the number of files of passed tests."""
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
    """The file for the trace of a test: "scenarios.test_flows.test_sign_up[ada].html" of pytest's node id.

    If the name had to be shortened or changed, a digest keeps it unique.
    """
    path, _, rest = test_id.partition("::")
    whole = ".".join(filter(None, [path.removesuffix(".py").replace("/", "."), rest.replace("::", ".")]))
    name = re.sub(r"[^\w.=,+\[\]-]+", "-", whole, flags=re.ASCII)[:_LONGEST_NAME]
    if name != whole:
        name = f"{name}-{hashlib.sha256(test_id.encode()).hexdigest()[:8]}"
    return directory / f"{name}.html"


def _summary(call: pytest.CallInfo[None]) -> str:
    """The first line of the failure."""
    if call.excinfo is None:
        return ""
    said = call.excinfo.exconly(tryshort=True).strip().splitlines()
    return said[0] if said else ""


def _relative(file: Path) -> str:
    """Relative to the folder where pytest was started, if it is below that."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
