"""Which program runs a runtime (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html)."""

import sys
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.contract.functions import archive

NODE = {"Runtime": "nodejs20.x"}
needs_node = pytest.mark.requires("lambda-nodejs")


@pytest.mark.parametrize("runtime", ["python3.11", "python3.12", "python3.13"])
def test_python_function_runs_on_the_reported_interpreter(function, engine, runtime):
    named = engine.harness.call("GET", f"/runtimes/{runtime}")

    made = function("import sys, boto3\ndef handler(event, context): return sys.version.split()[0]\n", Runtime=runtime)

    assert made.invoke().payload == named["python"]
    assert named["matches"] is (named["warning"] is None)
    if named["matches"]:
        assert f"python{named['python'].rpartition('.')[0]}" == runtime
    assert named["implementation"] == "cp" + "".join(named["python"].split(".")[:2])
    assert sys.platform != "linux" or "linux" in named["platform"]


def test_missing_python_version_is_replaced_with_a_warning(engine):
    named = engine.harness.call("GET", "/runtimes/python3.99")

    assert named["matches"] is False
    assert "no Python 3.99 is on this machine" in named["warning"]


@pytest.mark.parametrize("runtime", ["java21", "dotnet8", "ruby3.3"])
def test_create_function_with_unsupported_runtime_is_refused(function, runtime):
    with pytest.raises(ClientError, match=f"The runtime {runtime} does not run here") as refused:
        function("", Runtime=runtime)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_create_node_function_without_node_is_refused(function, engine):
    if "lambda-nodejs" in engine.capabilities:
        pytest.skip("this engine has Node.js")

    with pytest.raises(ClientError, match=r"There is no Node\.js where the engine runs") as refused:
        function("exports.handler = async () => 1", path="index.js", **NODE)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_a_custom_runtime_runs_its_bootstrap(function):
    bootstrap = """
        #!/usr/bin/env -S python3 -IS
        import json, os
        from http.client import HTTPConnection
        api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        while True:
            api.request("GET", "/2018-06-01/runtime/invocation/next")
            event = api.getresponse()
            body = json.loads(event.read())
            request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
            outcome = "error" if body == "fail" else "response"
            answer = {"errorType": "Bad", "errorMessage": "asked to"} if body == "fail" else {"got": body}
            api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/{outcome}", json.dumps(answer))
            api.getresponse().read()
    """
    made = function(bootstrap, path="bootstrap", Runtime="provided.al2023")

    assert made.invoke([1, 2]).payload == {"got": [1, 2]}
    failed = made.invoke("fail")
    assert failed.error == "Unhandled"
    assert failed.payload == {"errorType": "Bad", "errorMessage": "asked to"}


def test_a_custom_runtime_may_come_from_a_layer(function, aws):
    ends = {"bootstrap": "#!/bin/sh\necho from the layer\nexit 3\n"}
    layer = aws("lambda").publish_layer_version(
        LayerName=f"contract-{uuid4().hex[:8]}", Content={"ZipFile": archive(ends)}
    )
    made = function("", path="readme", Runtime="provided.al2023", Layers=[layer["LayerVersionArn"]])

    result = made.invoke()

    name = layer["LayerVersionArn"].split(":")[6]
    aws("lambda").delete_layer_version(LayerName=name, VersionNumber=layer["Version"])
    assert "from the layer\n" in result.log
    assert result.payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")


def test_custom_runtime_without_bootstrap_is_invalid_entrypoint(function):
    result = function("", path="readme", Runtime="provided.al2023").invoke()

    assert result.payload["errorType"] == "Runtime.InvalidEntrypoint"
    assert result.payload["errorMessage"].endswith(
        "Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    )


@needs_node
@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("index.js", "exports.handler = async (event) => ({ got: event });"),
        ("index.mjs", "export const handler = async (event) => ({ got: event });"),
        ("index.cjs", "exports.handler = async (event) => ({ got: event });"),
        ("index.js", "exports.handler = (event, context, callback) => callback(null, { got: event });"),
        ("index.js", "exports.handler = (event, context) => context.succeed({ got: event });"),
        ("index.js", "exports.handler = (event, context) => context.done(null, { got: event });"),
    ],
    ids=["async", "module", "commonjs", "callback", "succeed", "done"],
)
def test_node_function_returns_result_in_every_supported_way(function, path, source):
    made = function(source, path=path, **NODE)

    assert made.invoke({"n": 1}).payload == {"got": {"n": 1}}
    assert made.invoke({"n": 2}).payload == {"got": {"n": 2}}


@needs_node
@pytest.mark.parametrize(
    "source",
    [
        "exports.handler = async () => { throw new TypeError('no such album'); };",
        "exports.handler = (event, context, callback) => callback(new TypeError('no such album'));",
        "exports.handler = (event, context) => context.fail(new TypeError('no such album'));",
        "exports.handler = () => { throw new TypeError('no such album'); };",
    ],
    ids=["async", "callback", "fail", "thrown"],
)
def test_node_error_returns_type_message_and_trace(function, source):
    result = function(source, path="index.js", **NODE).invoke()

    assert result.error == "Unhandled"
    assert (result.payload["errorType"], result.payload["errorMessage"]) == ("TypeError", "no such album")
    assert result.payload["trace"][0] == "TypeError: no such album"
    assert "/var/task/index.js" in result.payload["trace"][1]
    assert "node_runtime" not in str(result.payload["trace"]), "the trace must name AWS's places"


@needs_node
def test_node_callback_waits_for_event_loop_unless_disabled(function):
    source = """
        let late = 0;
        exports.handler = (event, context, callback) => {
          context.callbackWaitsForEmptyEventLoop = event.wait;
          setTimeout(() => { late += 1; console.log("late"); }, 2000);
          callback(null, late);
        };
    """
    made = function(source, path="index.js", **NODE)

    assert "late" not in made.invoke({"wait": False}).log
    assert "late" in made.invoke({"wait": True}).log


@needs_node
def test_a_node_function_logs_in_the_form_of_aws(function):
    result = function(
        "exports.handler = async () => { console.warn('low on %s', 'film'); };", path="index.js", **NODE
    ).invoke()

    line = next(line for line in result.log.splitlines() if "film" in line)
    _time, request_id, level, text = line.split("\t")
    assert (level, text) == ("WARN", "low on film")
    assert f"START RequestId: {request_id} " in result.log
    assert result.payload is None


@needs_node
def test_missing_node_module_is_import_module_error(function):
    result = function("require('nowhere-to-be-found');", path="index.js", **NODE).invoke()

    assert result.payload["errorType"] == "Runtime.ImportModuleError"
    assert "Cannot find module 'nowhere-to-be-found'" in result.payload["errorMessage"]
