"""The tests of the planted application: each puts secrets in one place and fails, so that pytest shows and keeps what it can.

Run by tests/robustness/test_secrets.py in a separate project, with the canaries in `canaries.json` next to the project.
Secrets that the engine generates (tokens, signatures, keys) are added to `made.json`.
"""

import base64
import json
import urllib.parse
import uuid
from pathlib import Path

import boto3
import httpx
import pytest

HOME = Path(__file__).parent
C = json.loads((HOME / "canaries.json").read_text())


def made(kind, secret):
    """Something secret that came from the engine."""
    with (HOME / "made.json").open("a") as file:
        file.write(json.dumps([kind, secret]) + "\n")


def fails(**shown):
    """As a test fails that compared what it got."""
    assert shown == {}


@pytest.fixture
def out(deployment):
    return next(iter(deployment.stacks.values())).outputs


@pytest.fixture
def call(engine, out, http):
    def send(method="POST", path="/a", **request):
        return http.request(method, engine.rest_api_url(out["Api"], "test") + path, **request)

    return send


HEADERS = {
    "bearer": lambda: {"Authorization": f"Bearer {C['bearer']}"},
    "opaque bearer": lambda: {"Authorization": f"Bearer {C['opaque bearer']}"},
    "basic": lambda: {"Authorization": "Basic " + base64.b64encode(f"ada:{C['basic']}".encode()).decode()},
    "cookie": lambda: {"Cookie": f"session={C['cookie']}; theme=dark"},
    "api key": lambda: {"X-Api-Key": C["api key"]},
    "session": lambda: {"X-Session": C["set-cookie"], "X-Auth-Token": C["set-cookie"]},
    "sigv4": lambda: {
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261130/us-east-1/execute-api/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={C['sigv4']}",
        "X-Amz-Date": "20261130T000000Z",
        "X-Amz-Security-Token": C["security token"],
    },
}


@pytest.mark.parametrize("kind", HEADERS)
def test_header(flow, call, kind):
    headers = HEADERS[kind]()
    with flow() as f:
        answer = call(headers=headers, json={"a": 1})
    f.settle(timeout_seconds=60)
    fails(status=answer.status_code, sent=headers, got=dict(answer.headers), body=answer.text)


def _xml():
    return f"<login><user>ada</user><Password>{C['xml']}</Password></login>"


BODIES = {
    "json": lambda: {"json": {"user": "ada", "password": C["field"], "ids": {"github": C["github"]}}},
    "nested": lambda: {"json": {"detail": json.dumps({"inner": json.dumps({"client_secret": C["nested"]})})}},
    "form": lambda: {"data": {"grant_type": "refresh_token", "refresh_token": C["form"], "x": "a b"}},
    "query": lambda: {"params": {"token": C["query"], "page": "2"}},
    "url": lambda: {"params": {"next": f"https://a.example/?access_token={C['url in url']}"}},
    "xml": lambda: {"content": _xml(), "headers": {"content-type": "application/xml"}},
    "text": lambda: {"content": f"stripe {C['stripe']} slack {C['slack']} and {C['url user']}\n{C['pem']}"},
    "multipart": lambda: {"data": {"api_key": C["multipart"]}, "files": {"picture": b"abc"}},
    "escaped": lambda: {"content": 'said "{\\"password\\": \\"' + C["escaped"] + '\\"}"'},
}


@pytest.mark.parametrize("kind", BODIES)
def test_body(flow, call, kind):
    request = BODIES[kind]()
    with flow() as f:
        answer = call(**request)
    f.settle(timeout_seconds=60)
    fails(status=answer.status_code, sent=request)


def test_presigned_url(flow, aws, out, http):
    url = aws("s3").generate_presigned_url("get_object", Params={"Bucket": out["Bucket"], "Key": "none"})
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    for name in ("X-Amz-Signature", "Signature"):
        for signature in query.get(name, ()):
            made("presigned", signature)
    with flow() as f:
        answer = http.get(url)
    f.settle(timeout_seconds=60)
    fails(url=url, answer=answer.text)


def test_secrets_manager(flow, aws):
    client = aws("secretsmanager")
    with flow() as f:
        one = client.create_secret(
            Name=uuid.uuid4().hex, SecretString=json.dumps({"user": "ada", "pw": C["secret string"]})
        )
        two = client.create_secret(Name=uuid.uuid4().hex, SecretBinary=C["secret binary"].encode())
        got = [client.get_secret_value(SecretId=each["ARN"]) for each in (one, two)]
    f.settle(timeout_seconds=60)
    fails(got=[{"SecretString": each.get("SecretString")} for each in got])


def test_parameter(flow, aws):
    name = f"/planted/{uuid.uuid4().hex}"
    with flow() as f:
        aws("ssm").put_parameter(Name=name, Value=C["parameter"], Type="SecureString")
        got = aws("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        many = aws("ssm").get_parameters_by_path(Path="/planted", WithDecryption=True)["Parameters"]
    f.settle(timeout_seconds=60)
    fails(name=got["Name"], many=len(many))


def test_environment(flow, aws, out):
    with flow() as f:
        got = aws("lambda").get_function_configuration(FunctionName=out["Function"])
        aws("lambda").get_function(FunctionName=out["Function"])
    f.settle(timeout_seconds=60)
    assert got["Environment"]["Variables"]["THEIR_API_KEY"] == C["environment"]
    fails(got=got["Environment"]["Variables"])


def test_people(flow, aws, out, outbox):
    cognito, address = aws("cognito-idp"), f"{uuid.uuid4().hex}@people.example"
    with flow() as f:
        cognito.sign_up(
            ClientId=out["Client"], Username=address, Password=C["sign-up password"],
            UserAttributes=[{"Name": "email", "Value": address}],
        )  # fmt: skip
        code = outbox.wait_for(recipient=address).code
        made("code", code)
        cognito.confirm_sign_up(ClientId=out["Client"], Username=address, ConfirmationCode=code)
        parameters = {"USERNAME": address, "PASSWORD": C["sign-up password"]}
        answer = cognito.initiate_auth(ClientId=out["Client"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
        tokens = answer["AuthenticationResult"]
        for name in ("IdToken", "AccessToken", "RefreshToken"):
            made(name, tokens[name])
        cognito.get_user(AccessToken=tokens["AccessToken"])
        cognito.change_password(
            AccessToken=tokens["AccessToken"],
            PreviousPassword=C["sign-up password"],
            ProposedPassword=C["new password"],
        )
        cognito.admin_create_user(
            UserPoolId=out["People"], Username=f"b{address}", TemporaryPassword=C["temporary password"],
            UserAttributes=[{"Name": "email", "Value": f"b{address}"}],
        )  # fmt: skip
        outbox.wait_for(recipient=f"b{address}")
    f.settle(timeout_seconds=60)
    fails(tokens=tokens)


def test_socket(flow, engine, out, websocket):
    with flow() as f:
        socket = websocket(f"{engine.websocket_url(out['Socket'], 'test')}?token={C['socket query']}&v=1")
        socket.send(json.dumps({"action": "login", "auth": {"sessionToken": C["socket frame"]}}))
        f.settle(timeout_seconds=60)
        socket.close()
    fails(sent={"token": C["socket frame"]})


def test_event(flow, aws):
    detail = {"user": "ada", "card": {"secret": C["event"]}}
    with flow() as f:
        aws("events").put_events(Entries=[{"Source": "planted", "DetailType": "Said", "Detail": json.dumps(detail)}])
    f.settle(timeout_seconds=60)
    fails(detail=detail)


def test_queue(flow, aws, out):
    attributes = {"authToken": {"DataType": "String", "StringValue": C["message attribute"]}}
    with flow() as f:
        aws("sqs").send_message(
            QueueUrl=out["Queue"], MessageBody=json.dumps({"password": C["message"]}), MessageAttributes=attributes
        )
    f.settle(timeout_seconds=60)
    fails(attributes=attributes)


def test_topic(flow, aws, out):
    attributes = {"apiKey": {"DataType": "String", "StringValue": C["notification attribute"]}}
    with flow() as f:
        aws("sns").publish(
            TopicArn=out["Topic"], Message=json.dumps({"accessToken": C["notification"]}), MessageAttributes=attributes
        )
    f.settle(timeout_seconds=60)
    fails(attributes=attributes)


def test_stream(flow, aws, out):
    data = json.dumps({"password": C["record"]}).encode()
    with flow() as f:
        aws("kinesis").put_record(StreamName=out["Stream"], Data=data, PartitionKey="a")
    f.settle(timeout_seconds=60)
    fails(data=data)


def test_item(flow, aws, out):
    item = {"id": {"S": uuid.uuid4().hex}, "passwd": {"S": C["item"]}, "keep": {"S": "this"}}
    with flow() as f:
        aws("dynamodb").put_item(TableName=out["Table"], Item=item)
        aws("dynamodb").get_item(TableName=out["Table"], Key={"id": item["id"]})
    f.settle(timeout_seconds=60)
    fails(item=item)


def test_object(flow, aws, out):
    with flow() as f:
        aws("s3").put_object(Bucket=out["Bucket"], Key="a", Body=b"a", Metadata={"api-key": C["metadata"]})
        got = aws("s3").head_object(Bucket=out["Bucket"], Key="a")["Metadata"]
    f.settle(timeout_seconds=60)
    fails(got=got)


def test_execution(flow, aws, out):
    given = {"user": {"name": "ada", "password": C["execution"]}}
    with flow() as f:
        aws("stepfunctions").start_execution(stateMachineArn=out["Machine"], input=json.dumps(given))
    f.settle(timeout_seconds=60)
    fails(given=given)


def test_log_and_error(flow, aws, out):
    with flow() as f:
        aws("lambda").invoke(FunctionName=out["Function"], Payload=json.dumps({"password": C["log"]}))
        answer = aws("lambda").invoke(FunctionName=out["Function"], Payload=json.dumps({"fail": C["error"]}))
    f.settle(timeout_seconds=60)
    print(f"a test prints token={C['printed']}")  # noqa: T201 - pytest captures it
    raise RuntimeError(f"it answered {answer['Payload'].read().decode()}, Authorization: Bearer {C['raised']}")


def test_mail(flow, aws):
    aws("ses").verify_email_identity(EmailAddress="us@people.example")
    text = f"Hello. Your username is ada and temporary password is {C['mail']}"
    with flow() as f:
        aws("ses").send_email(
            Source="us@people.example", Destination={"ToAddresses": ["ada@people.example"]},
            Message={"Subject": {"Data": "Welcome"}, "Body": {"Text": {"Data": text}}},
        )  # fmt: skip
    f.settle(timeout_seconds=60)
    fails(text=text)


def test_keys(flow, aws):
    with flow() as f:
        user = uuid.uuid4().hex
        aws("iam").create_user(UserName=user)
        key = aws("iam").create_access_key(UserName=user)["AccessKey"]
        made("secret access key", key["SecretAccessKey"])
        session = aws("sts").get_session_token()["Credentials"]
        made("session token", session["SessionToken"])
        made("session key", session["SecretAccessKey"])
        kms = aws("kms").create_key()["KeyMetadata"]["KeyId"]
        aws("kms").encrypt(KeyId=kms, Plaintext=C["plaintext"].encode())
    f.settle(timeout_seconds=60)
    fails(key={"SecretAccessKey": key["SecretAccessKey"]}, session=session)


def test_address_with_a_password():
    password = C["argument"]
    assert httpx.URL(f"https://ada:{password}@a.example").host == boto3.__name__, f"password={password}"
