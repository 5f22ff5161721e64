"""What a function finds around it.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread
from uuid import uuid4

import pytest

from tests.contract.functions import archive

TELL_VARIABLES = "import os\ndef handler(event, context): return dict(os.environ)\n"


def test_a_function_finds_the_variables_that_aws_sets(function, engine):
    made = function(TELL_VARIABLES, MemorySize=256, Environment={"Variables": {"TABLE": "albums"}})

    found = made.invoke().payload

    expected = {
        "AWS_LAMBDA_FUNCTION_NAME": made.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{made.name}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_ENDPOINT_URL": engine.endpoint_url,
        "_HANDLER": "index.handler",
        "TABLE": "albums",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", found["AWS_LAMBDA_LOG_STREAM_NAME"])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT", "TZ", "TMPDIR"):
        assert found[name]


def test_no_variable_of_the_engine_reaches_a_function(function):
    found = function(TELL_VARIABLES).invoke().payload

    engines = ("LOCALSTACK", "GATEWAY_LISTEN", "PROVIDER_OVERRIDE", "SQS_ENDPOINT", "FILESYSTEM_ROOT", "VIRTUAL_ENV")
    assert [name for name in found if name.startswith((*engines, "HARNESS_", "LAMBDA_RUNTIME_EXECUTOR"))] == []


def test_a_function_finds_boto3_and_no_package_of_the_engine(function):
    source = """
        from importlib.util import find_spec
        def handler(event, context):
            return {name: find_spec(name) is not None for name in event}
    """
    names = [
        "boto3",
        "botocore",
        "urllib3",
        "localstack",
        "moto",
        "requests",
        "aws_lambda_powertools",
        "harness",
        "pytest",
    ]

    found = function(source).invoke(names).payload

    assert [name for name in names if found[name]] == ["boto3", "botocore", "urllib3"]


def test_a_function_that_packages_its_own_boto3_gets_it(function):
    made = function(
        {"index.py": "import boto3\ndef handler(event, context): return boto3.MINE\n", "boto3.py": "MINE = 7\n"}
    )

    assert made.invoke().payload == 7


def test_a_function_imports_from_its_own_python_path(function):
    made = function(
        {
            "index.py": "import deep\ndef handler(event, context): return deep.WORD\n",
            "vendor/deep.py": "WORD = 'vendored'\n",
        },
        Environment={"Variables": {"PYTHONPATH": "/var/task/vendor"}},
    )

    assert made.invoke().payload == "vendored"


def test_a_function_calls_aws_with_its_own_role(function):
    source = """
        import boto3
        def handler(event, context):
            return boto3.client("sts").get_caller_identity()["Arn"]
    """
    made = function(source)

    assert made.invoke().payload == f"arn:aws:sts::000000000000:assumed-role/contract/{made.name}"


def test_context_has_request_id_and_remaining_time(function):
    source = """
        def handler(event, context):
            return {
                "arn": context.invoked_function_arn, "request": context.aws_request_id,
                "left": context.get_remaining_time_in_millis(), "custom": context.client_context.custom,
            }
    """
    sent = base64.b64encode(json.dumps({"custom": {"screen": "albums"}}).encode()).decode()

    result = function(source, Timeout=30).invoke(ClientContext=sent)

    assert result.payload["custom"] == {"screen": "albums"}
    assert result.payload["arn"].startswith("arn:aws:lambda:us-east-1:000000000000:function:contract-")
    assert 10_000 < result.payload["left"] <= 30_000
    assert f"START RequestId: {result.payload['request']} " in result.log


TELL_TRACE = "import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']\n"
TRACE = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24});Parent=([0-9a-f]{16});Sampled=([01])")


def test_each_invocation_has_a_separate_trace(function):
    made = function(TELL_TRACE)

    first, second = (TRACE.fullmatch(made.invoke().payload) for _ in range(2))

    assert first[1] != second[1]
    assert first[2] != second[2]


def test_invocation_keeps_root_of_its_caller_with_new_parent(function, engine):
    made = function(TELL_TRACE)
    client = engine.client("lambda")
    root, parent = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"

    def add_header(request, **_):
        request.headers["X-Amzn-Trace-Id"] = f"Root={root};Parent={parent};Sampled=0"

    client.meta.events.register("before-send.lambda.Invoke", add_header)
    traces = [TRACE.fullmatch(json.loads(client.invoke(FunctionName=made.name)["Payload"].read())) for _ in range(2)]

    assert [(trace[1], trace[3]) for trace in traces] == [(root, "0"), (root, "0")]
    assert len({parent, traces[0][2], traces[1][2]}) == 3


def test_environment_keeps_state_and_temporary_files(function):
    source = """
        import os, pathlib, tempfile
        seen = []
        def handler(event, context):
            seen.append(event)
            file = pathlib.Path(tempfile.gettempdir(), "kept")
            kept = file.exists()
            file.write_text("x")
            return {"seen": seen, "kept": kept, "directory": str(file.parent)}
    """
    made, other = function(source), function(source)

    assert made.invoke(1).payload["kept"] is False
    second = made.invoke(2).payload
    assert (second["seen"], second["kept"]) == ([1, 2], True)
    elsewhere = other.invoke(3).payload
    assert (elsewhere["seen"], elsewhere["kept"]) == ([3], False)
    assert elsewhere["directory"] != second["directory"]


@pytest.fixture
def meeting(engine):
    """The address of a server that answers when four have called it; no answer means that they never were four."""
    barrier = Barrier(4)

    class Meet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            barrier.wait(60)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    where = engine.reachable_from
    with ThreadingHTTPServer((where.bind_address, 0), Meet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{where.host}:{server.server_port}/"
        server.shutdown()


def test_concurrent_events_run_in_separate_environments(function, meeting):
    # Each event ends only when all have begun, so no two can share an environment.
    source = """
        import os, urllib.request
        def handler(event, context):
            urllib.request.urlopen(event, timeout=60)
            return os.getpid()
    """
    made = function(source, Timeout=60)

    with ThreadPoolExecutor(4) as threads:
        processes = list(threads.map(lambda _: made.invoke(meeting).payload, range(4)))

    assert len(set(processes)) == 4


def test_without_reserved_concurrency_left_an_event_is_throttled(function, aws):
    made = function("def handler(event, context): ...\n")
    aws("lambda").put_function_concurrency(FunctionName=made.name, ReservedConcurrentExecutions=0)

    with pytest.raises(aws("lambda").exceptions.TooManyRequestsException) as throttled:
        aws("lambda").invoke(FunctionName=made.name)
    assert throttled.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_layer_brings_modules_and_a_later_layer_wins(function, aws):
    layers = [
        aws("lambda").publish_layer_version(
            LayerName=f"contract-{uuid4().hex[:8]}", Content={"ZipFile": archive(files)}
        )
        for files in (
            {
                "python/greeting.py": "WORD = 'first'\n",
                "python/lib/python3.11/site-packages/deep.py": "WORD = 'deep'\n",
            },
            {"python/greeting.py": "WORD = 'second'\n"},
        )
    ]
    made = function(
        "import deep, greeting\ndef handler(event, context): return [greeting.WORD, deep.WORD]\n",
        Layers=[layer["LayerVersionArn"] for layer in layers],
    )

    assert made.invoke().payload == ["second", "deep"]
    for layer in layers:
        name = layer["LayerVersionArn"].split(":")[6]
        aws("lambda").delete_layer_version(LayerName=name, VersionNumber=layer["Version"])


def test_layer_without_versions_is_listed_no_more(aws):
    """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteLayerVersion.html"""
    client, name = aws("lambda"), f"contract-{uuid4().hex[:12]}"
    code = {"ZipFile": archive({"python/a.py": "A = 1"})}

    def listed():
        pages = client.get_paginator("list_layers").paginate()
        return [layer["LayerName"] for page in pages for layer in page["Layers"]]

    first = client.publish_layer_version(LayerName=name, Content=code)["Version"]
    assert name in listed()
    client.delete_layer_version(LayerName=name, VersionNumber=first)
    assert name not in listed()
    second = client.publish_layer_version(LayerName=name, Content=code)["Version"]
    assert second == first + 1
    client.delete_layer_version(LayerName=name, VersionNumber=second)
