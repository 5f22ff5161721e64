"""`--show-secrets`: an engine that was started for a look shows what it cut, only to those who ask."""

import json
import os
import uuid
from collections.abc import Iterator

import httpx
import pytest

from harness.engine import EmbeddedEngine, Target, tracing
from harness.engine.secrets import Shown
from harness.flow import RecordedFlows
from harness.report import exports


@pytest.fixture(scope="module")
def showing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    engine = EmbeddedEngine(tmp_path_factory.mktemp("showing"), show_secrets=True, owner_pid=os.getpid())
    try:
        yield engine.start()
    finally:
        engine.stop()


def _exported(target: Target, root: str, *, show_secrets: bool) -> str:
    recorded = RecordedFlows(target, show_secrets=show_secrets)
    recorded.open()
    try:
        return exports.export(recorded.flow(root), "json", command="", versions={})
    finally:
        recorded.close()


def test_secret_is_shown_only_on_request(showing: Target):
    secret, root = f'Hush-"{uuid.uuid4().hex}', tracing.new_root()
    with tracing.tracing(root):
        sqs = showing.client("sqs")
        url = sqs.create_queue(QueueName=f"shown-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"password": secret}))
    inner = json.dumps(secret)[1:-1]
    assert inner not in (hidden := _exported(showing, root, show_secrets=False))
    assert "<secret:password 38 chars #" in hidden
    assert secret.partition('"')[2] in _exported(showing, root, show_secrets=True)
    journal = httpx.get(
        f"{showing.endpoint_url}/_harness/journal", headers=showing.harness_headers, trust_env=False, timeout=30
    )
    assert secret.partition('"')[2] not in journal.text


def test_marks_of_later_records_are_read_again(showing: Target):
    shown = Shown(showing)
    secret = f"Hush-{uuid.uuid4().hex}"
    showing.client("secretsmanager").create_secret(Name=uuid.uuid4().hex, SecretString=secret)
    mark = next(mark for mark, known in showing.harness.get("/secrets")["marks"].items() if known == secret)
    assert shown(f'{{"said": "{mark}"}}') == f'{{"said": "{secret}"}}'
