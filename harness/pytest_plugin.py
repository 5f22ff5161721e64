"""The pytest plugin: options and fixtures. It holds no logic of its own; the parts below it do."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.engine import EmbeddedEngine, Target
from harness.settings import Settings


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Where AWS calls go: the engine that `harness up` started, or one of this run's own."""
    settings = Settings.load()
    if (running := EmbeddedEngine(settings.state_directory).find()) is not None:
        yield running
        return
    own = EmbeddedEngine(Path(tmp_path_factory.mktemp("engine")), region=settings.region)
    try:
        yield own.start()
    finally:
        own.stop()


@pytest.fixture(scope="session")
def aws(engine: Target) -> Callable[[str], Any]:
    """`aws("sqs")`: a boto3 client of the engine."""
    return cache(engine.client)
