"""Expensive patterns of clients: each gets a response, and the engine serves other clients meanwhile."""

import json
import threading
from uuid import uuid4

import httpx
import pytest

ANSWER_SECONDS = 60


@pytest.fixture
def many_mails(aws):
    aws("ses").verify_email_identity(EmailAddress="sender@patterns.example")
    reader = f"{uuid4().hex}@patterns.example"
    for subject in ("aaaaaaaaaa " * 9 + "!", "a" * 200 + "b"):
        aws("ses").send_email(
            Source="sender@patterns.example",
            Destination={"ToAddresses": [reader]},
            Message={"Subject": {"Data": subject}, "Body": {"Text": {"Data": "x"}}},
        )
    return reader


def test_subject_pattern_without_an_end_stops_no_engine(engine, aws, many_mails):
    said = {}

    def ask(pattern):
        said[pattern] = engine.harness._http.get(
            "/outbox", params={"subject": pattern, "recipient": many_mails}, timeout=ANSWER_SECONDS
        )

    patterns = (r"^(\w+\s?)+$", r"(a|aa)+$", r"(.*a){40}!")
    asking = [threading.Thread(target=ask, args=(pattern,), daemon=True) for pattern in patterns]
    for thread in asking:
        thread.start()
    assert engine.harness.ready()["ready"]
    aws("ses").send_email(
        Source="sender@patterns.example",
        Destination={"ToAddresses": [many_mails]},
        Message={"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "mail goes out meanwhile"}}},
    )
    for thread in asking:
        thread.join(ANSWER_SECONDS)
    assert set(said) == set(patterns), "not every pattern was answered"
    assert said[r"(a|aa)+$"].status_code == 400
    assert "takes more than 0.5 s" in said[r"(a|aa)+$"].json()["error"]
    assert {answer.status_code for answer in said.values()} <= {200, 400}


def test_fault_whose_condition_doubles_its_lists_ends(engine, aws):
    condition = "[`1`,`1`]" + " | [@,@][]" * 60
    fault = engine.harness.put_fault(service="ssm", operations=["GetParameters"], code="X", when=condition)
    try:
        assert aws("ssm").get_parameters(Names=[f"/{uuid4().hex}"])["InvalidParameters"]
    finally:
        engine.harness.remove_fault(fault)


def test_model_whose_pattern_never_ends_refuses_the_body(engine, aws):
    client = aws("apigateway")
    api = client.create_rest_api(name=f"robust-{uuid4().hex[:8]}")
    identity, root = api["id"], api["rootResourceId"]
    schema = {"type": "object", "properties": {"name": {"type": "string", "pattern": "^(a|aa)+$"}}}
    client.create_model(restApiId=identity, name="Person", contentType="application/json", schema=json.dumps(schema))
    validator = client.create_request_validator(restApiId=identity, name="body", validateRequestBody=True)["id"]
    method = {"restApiId": identity, "resourceId": root, "httpMethod": "POST"}
    client.put_method(
        **method,
        authorizationType="NONE",
        requestModels={"application/json": "Person"},
        requestValidatorId=validator,
    )
    client.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    client.put_method_response(**method, statusCode="200")
    client.put_integration_response(**method, statusCode="200")
    client.create_deployment(restApiId=identity, stageName="dev")
    url = engine.rest_api_url(identity, "dev") + "/"
    assert httpx.post(url, json={"name": "aaaa"}, timeout=ANSWER_SECONDS).status_code == 200
    refused = httpx.post(url, json={"name": "a" * 200 + "b"}, timeout=ANSWER_SECONDS)
    assert (refused.status_code, refused.json()) == (400, {"message": "Invalid request body"})
    client.delete_rest_api(restApiId=identity)
