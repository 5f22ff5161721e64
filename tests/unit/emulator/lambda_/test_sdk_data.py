"""Where botocore goes with what a function says is the address of `@connections`."""

import os

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from harness.emulator.lambda_.sdk_data import VARIABLE, with_sdk_data

ENGINE = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (
            "https://abcdefghij.execute-api.eu-west-1.amazonaws.com/prod",
            f"{ENGINE}/_aws/ws/abcdefghij.execute-api.eu-west-1.amazonaws.com/prod",
        ),
        (
            "https://abcdefghij.execute-api.cn-north-1.amazonaws.com.cn/prod",
            f"{ENGINE}/_aws/ws/abcdefghij.execute-api.cn-north-1.amazonaws.com.cn/prod",
        ),
        (f"{ENGINE}/_aws/ws/abcdefghij/prod", f"{ENGINE}/_aws/ws/abcdefghij/prod"),
        ("https://ws.lumen.example/prod", "https://ws.lumen.example/prod"),
    ],
)
def test_an_address_of_aws_is_the_engines(monkeypatch, given, url):
    monkeypatch.setenv(VARIABLE, with_sdk_data({"AWS_ENDPOINT_URL": ENGINE})[VARIABLE])
    session = boto3.Session(region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    client = session.client("apigatewaymanagementapi", endpoint_url=given)
    seen = []

    def answer(request, **_):
        seen.append(request.url)
        return AWSResponse(request.url, 200, {}, None)

    client.meta.events.register("before-send", answer)
    with pytest.raises(AttributeError):  # there is no body to parse
        client.post_to_connection(ConnectionId="c=", Data=b"x")
    assert seen == [f"{url}/@connections/c%3D"]


def test_a_functions_own_data_is_looked_at_too():
    variables = with_sdk_data({"AWS_ENDPOINT_URL": ENGINE, VARIABLE: "/opt/data"})
    assert variables[VARIABLE].split(os.pathsep)[1:] == ["/opt/data"]


def test_without_an_engine_nothing_is_changed():
    assert with_sdk_data({"A": "b"}) == {"A": "b"}
