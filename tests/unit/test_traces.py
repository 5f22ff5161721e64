"""The files that tests leave of their flows; the flows are stand-ins, as a project's own target would give them."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from harness.pytest_traces import file_of

pytestmark = pytest.mark.subprocess

pytest_plugins = ["pytester"]

FLOWS = """
    import sys
    from contextlib import contextmanager
    from pathlib import Path

    import pytest

    sys.path.insert(0, {root!r})
    from tests.unit.report.flows import EVENT, FakeFlow, Journal, topology

    class Flows:
        def __init__(self):
            self.released = []

        @contextmanager
        def flow(self, _topology=None):
            yield FakeFlow(Journal(), SHOP)

        def release(self, flow):
            self.released.append(flow)

    SHOP = topology(Path(__file__).parent)

    @pytest.fixture(scope="session")
    def _watched():
        return Flows()
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """`run(source)`: the result of a pytest run of this module."""
    pytester.makepyprojecttoml("[tool.harness]\n[tool.pytest.ini_options]\n")
    pytester.makeconftest(dedent(FLOWS).format(root=str(Path(__file__).parents[2])))

    def of(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_shop=dedent(source))
        # In this process, as most of a run's time is that of its imports.
        start = pytester.runpytest_subprocess if "-n" in arguments else pytester.runpytest_inprocess
        return start("-p", "no:randomly", *arguments)

    return of


def traces(pytester: pytest.Pytester) -> list[str]:
    return sorted(file.name for file in (pytester.path / ".harness" / "traces").glob("*"))


ONE_FAILS = """
    def test_one_that_passes(flow):
        with flow() as f:
            f.journal.put()

    def test_one_that_fails(flow):
        with flow() as f:
            f.journal.put()
        assert f is None, "nothing came"

    def test_one_without_a_flow():
        assert False
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_failed_test_writes_a_trace_named_after_it(run, pytester, arguments):
    result = run(ONE_FAILS, *arguments)
    result.assert_outcomes(passed=1, failed=2)
    assert traces(pytester) == ["test_shop.test_one_that_fails.html"]
    file = ".harness/traces/test_shop.test_one_that_fails.html"
    result.stdout.fnmatch_lines(["*- trace -*", file])
    result.stdout.fnmatch_lines(["*= traces =*", file, "*= short test summary info =*"])
    page = (pytester.path / file).read_text()
    assert "One that fails" in page
    assert "AssertionError: nothing came" in page
    assert "events PutEvents shop.Bus: Placed" in page
    assert "pytest test_shop.py::test_one_that_fails" in page


@pytest.mark.parametrize(
    ("mode", "left"),
    [("off", []), ("retain-on-failure", ["fails"]), ("on", ["fails", "passes"])],
)
def test_when_a_trace_is_left_can_be_chosen(run, pytester, mode, left):
    result = run(ONE_FAILS, f"--traces={mode}")
    result.assert_outcomes(passed=1, failed=2)
    assert traces(pytester) == [f"test_shop.test_one_that_{name}.html" for name in left]
    if mode == "on":
        result.stdout.fnmatch_lines(
            ["*= traces =*", "*test_one_that_fails.html", "and of 1 test that passed, in .harness/traces"]
        )


def test_trace_of_a_test_that_passes_again_is_removed(run, pytester):
    run(ONE_FAILS, "--traces=on")
    run(ONE_FAILS.replace("f is None", "f is not None"), "-k", "fails").assert_outcomes(passed=1)
    assert traces(pytester) == ["test_shop.test_one_that_passes.html"]


def test_trace_has_the_smallest_failing_hypothesis_example(run, pytester):
    run(
        """
        from hypothesis import HealthCheck, given, settings, strategies as st
        from tests.unit.report.flows import EVENT

        @settings(max_examples=20, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.integers(0, 1000))
        def test_orders(flow, _watched, n):
            with flow() as f:
                f.journal.put({**EVENT, "detail-type": f"Order-{n}."})
            assert n < 7
        """
    ).assert_outcomes(failed=1)
    page = (pytester.path / ".harness/traces/test_shop.test_orders.html").read_text()
    assert "events PutEvents shop.Bus: Order-7." in page
    assert "Flow 1 of" not in page


def test_repeat_command_has_the_options_that_affect_the_outcome(run, pytester):
    run(ONE_FAILS, "--engine=docker", "-p", "randomly", "--randomly-seed=42", "-k", "test_one_that_fails")
    page = (pytester.path / ".harness/traces/test_shop.test_one_that_fails.html").read_text()
    assert "pytest test_shop.py::test_one_that_fails --engine=docker --randomly-seed=42" in page


def test_unwritable_trace_does_not_hide_the_failure(run, pytester):
    (pytester.path / ".harness").mkdir()
    (pytester.path / ".harness" / "traces").write_text("a file where the folder should be")
    result = run(ONE_FAILS.replace("test_one_that_fails(flow)", "test_it(flow)"))
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*AssertionError: nothing came*", "*- trace -*", "could not be written to *"])


@pytest.mark.parametrize(
    ("test_id", "name"),
    [
        ("scenarios/test_flows.py::test_it", "scenarios.test_flows.test_it.html"),
        ("test_flows.py::TestIt::test_it[ada-1]", "test_flows.TestIt.test_it[ada-1].html"),
    ],
)
def test_a_file_is_named_after_its_test(test_id, name):
    assert file_of(Path("traces"), test_id) == Path("traces", name)


def test_names_that_files_cannot_have_do_not_fall_together():
    ids = [
        f"test_flows.py::test_it[{parameter}]"
        for parameter in ("a/b", "a\\b", "a b", "ä", "x" * 400, "x" * 401, "../../etc")
    ]
    names = [file_of(Path("traces"), test_id).name for test_id in ids]
    assert len(set(names)) == len(ids)
    assert all(len(name) < 200 and "/" not in name and not name.startswith(".") for name in names)
