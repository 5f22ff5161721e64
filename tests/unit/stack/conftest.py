"""The functions of stack/ as Lambda sees them: their folder and the layers on the search path, settings in the environment."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

STACK = Path(__file__).parents[3] / "stack"


@pytest.fixture(autouse=True)
def _layers(monkeypatch: pytest.MonkeyPatch) -> None:
    for layer in ("shared", "schemas"):
        monkeypatch.syspath_prepend(str(STACK / layer))
    settings = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PROFILES_TABLE": "profiles",
        "SENT_TABLE": "sent",
        "EVENT_BUS_NAME": "lumen",
        "UNPUBLISHED_QUEUE_URL": "https://queue.example",
        "MAIL_SENDER": "hello@lumen.example",
        "PICTURES_TABLE": "pictures",
        "DECIDED_TABLE": "decided",
        "BUCKET": "pictures",
        "WEB_ORIGIN": "https://lumen.example",
        "POWERTOOLS_SERVICE_NAME": "unit-test",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def function() -> Callable[[str, str], ModuleType]:
    """`function("users", "list_users")`: a function's module, loaded again."""

    def load(service: str, name: str) -> ModuleType:
        file = STACK / service / "functions" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"{service}_{name}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load
