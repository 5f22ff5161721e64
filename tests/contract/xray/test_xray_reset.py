"""`POST /_harness/reset` removes traces: they are what ran through the service."""

import os

import pytest

from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port
from tests.contract.xray.conftest import Traces


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    engine = EmbeddedEngine(tmp_path_factory.mktemp("reset"), port=any_free_port(), owner_pid=os.getpid())
    yield engine.start()
    engine.stop()


@pytest.mark.parametrize("scope", [{}, {"scope": "data"}, {"account_id": "000000000000"}])
def test_reset_removes_traces(own, scope):
    traces = Traces(own.client("xray"))
    made = traces.sent()
    assert len(traces.summaries()) == 1
    own.harness.reset(**scope)
    assert traces.summaries() == []
    assert traces.client.batch_get_traces(TraceIds=[made["trace_id"]])["Traces"] == []


def test_reset_of_another_account_keeps_traces(own):
    traces = Traces(own.client("xray"))
    traces.sent()
    own.harness.reset(scope="data", account_id="111111111111")
    assert len(traces.summaries()) == 1
