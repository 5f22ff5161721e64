"""What tests may import of the package, and that nothing else comes along with it."""

import inspect
import subprocess
import sys

import pytest

import harness
from harness import errors

EXPORTED = """
    Activity Callback DeployedResource DeployedStack Deployment Explanation Faults Finding Fire Flow HarnessError Kind Message
    NewClient NewFlow NewWebSocket Outbox Pending Project Schedules Settled Target Topology WebSocket
"""
ERRORS = """
    DeployError EmptyFlowError EngineError FlowTimeoutError HarnessError JournalError MissingCapabilityError NotDeployedError
    NotWaitingError PreflightError SettingsError TemplateError UnknownFlowError
"""


def test_package_exports_what_it_says_and_no_more():
    assert sorted(harness.__all__) == EXPORTED.split()


@pytest.mark.parametrize("name", EXPORTED.split())
def test_exported_name_is_a_documented_class(name):
    exported = getattr(harness, name)
    assert inspect.isclass(exported)
    assert exported.__name__ == name
    assert inspect.getdoc(exported), f"{name} has no docstring"


def test_unknown_name_is_refused_with_existing_names():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'; it has: Activity, "):
        _ = harness.Nothing


def test_import_of_the_package_loads_nothing_else():
    loaded = "import sys; before = set(sys.modules); import harness; print(*sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert {name for name in ran.stdout.split() if "." not in name} <= sys.stdlib_module_names | {"harness"}
    assert "harness." not in ran.stdout


def test_errors_module_has_one_base_and_its_children():
    found = {name for name, each in vars(errors).items() if inspect.isclass(each) and issubclass(each, Exception)}
    assert sorted(found) == ERRORS.split()
    assert all(issubclass(getattr(errors, name), errors.HarnessError) for name in found)


def test_type_checkers_see_every_exported_name():
    typed = inspect.getsource(harness).partition("if TYPE_CHECKING:")[2].partition("_WHERE")[0]
    imported = {
        name.strip()
        for line in typed.splitlines()
        if " import " in line
        for name in line.partition(" import ")[2].split(",")
    }
    assert imported == set(harness.__all__)
