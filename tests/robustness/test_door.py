"""Which clients the engine serves: each entry point, with each header that identifies a client, as raw HTTP."""

import json
import os
import stat
import uuid
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.engine import EmbeddedEngine, Target
from harness.errors import EngineError
from tests.robustness.raw_http import Headers, send

UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
TARGET = (("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "DynamoDB_20120810.ListTables"))

WAYS_IN: dict[str, tuple[str, str, Headers, bytes]] = {
    "query API": ("GET", "/?Action=CreateQueue&QueueName={name}&Version=2012-11-05", (), b""),
    "query API by form": ("POST", "/", FORM, b"Action=CreateQueue&QueueName={name}&Version=2012-11-05"),
    "JSON API": ("POST", "/", TARGET, b"{}"),
    "REST API of a service": ("GET", "/2015-03-31/functions", (), b""),
    "queue's URL": ("GET", "/queue/us-east-1/000000000000/{name}?Action=SendMessage&MessageBody=x", (), b""),
    "old queue's URL": ("GET", "/000000000000/{name}?Action=SendMessage&MessageBody=x", (), b""),
    "journal": ("GET", "/_harness/journal", (), b""),
    "outbox": ("GET", "/_harness/outbox", (), b""),
    "reset": ("POST", "/_harness/reset", (("Content-Type", "text/plain"),), b'{"scope": "all"}'),
    "kill": ("POST", "/_localstack/health", (("Content-Type", "text/plain"),), b'{"action": "kill"}'),
    "mails": ("GET", "/_aws/ses", (), b""),
    "messages": ("GET", "/_aws/sqs/messages", (), b""),
    "unknown endpoint": ("GET", "/_aws/of/tomorrow", (), b""),
    "custom resource's answer": ("PUT", f"/_harness/cloudformation/responses/{'0' * 32}", (), b"{}"),
    "WebSocket": ("GET", "/", UPGRADE, b""),
    "WebSocket at the engine": ("GET", "/_harness/journal", UPGRADE, b""),
    "WebSocket management": ("POST", "/_aws/ws/abcdefghij/v1/@connections/x", (), b"hello"),
}

SAYS_NOTHING = "browser that says nothing"
FOREIGN: dict[str, Headers] = {
    "Origin": (("Origin", "https://evil.example"),),
    "opaque origin": (("Origin", "null"),),
    "file": (("Origin", "file://"),),
    "LocalStack's application": (("Origin", "https://app.localstack.cloud"),),
    "any distribution": (("Origin", "http://evil.cloudfront.localhost.localstack.cloud:4566"),),
    "a website that is not deployed": (("Origin", "http://evil.s3-website.localhost.localstack.cloud:4566"),),
    "another port": (("Origin", "http://localhost:1"),),
    "an extension": (("Origin", "chrome-extension://abc"),),
    "two origins": (("Origin", "http://localhost:{port}"), ("Origin", "https://evil.example")),
    "Referer": (("Referer", "https://evil.example/page"),),
    "cross-site picture": (
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Dest", "image"),
    ),
    "same-site, another port": (("Sec-Fetch-Site", "same-site"),),
    "a site of tomorrow": (("Sec-Fetch-Site", "sideways"),),
    "mode only": (("Sec-Fetch-Mode", "no-cors"),),
    SAYS_NOTHING: (("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0"),),
}


@pytest.fixture
def endpoint_url(engine: Target) -> str:
    return str(engine.endpoint_url)


def headers_of(given: Headers, port: int | None) -> list[tuple[str, str]]:
    return [(name, value.replace("{port}", str(port))) for name, value in given]


@pytest.mark.parametrize("evidence", FOREIGN)
@pytest.mark.parametrize("way", WAYS_IN)
def test_foreign_page_is_refused_at_every_way_in(engine, endpoint_url, way, evidence):
    name = f"door-{uuid.uuid4().hex}"
    method, path, headers, body = WAYS_IN[way]
    answer = send(
        endpoint_url,
        method,
        path.replace("{name}", name),
        [*headers, *headers_of(FOREIGN[evidence], httpx.URL(endpoint_url).port)],
        body.replace(b"{name}", name.encode()),
        # To a loopback address every browser says more.
        host="localhost.localstack.cloud" if evidence == SAYS_NOTHING else "",
    )
    if evidence == SAYS_NOTHING and "X-Amz-Target" in dict(headers):
        assert answer.status != 200, "a page sends this header with Origin only, and it is not signed"
        return
    assert answer.status == 403, answer.text
    said = json.loads(answer.body)["error"]
    assert "allowed_origins in [tool.harness]" in said, said
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert engine.client("sqs").list_queues(QueueNamePrefix=name).get("QueueUrls", []) == []


@pytest.mark.parametrize("way", WAYS_IN)
def test_preflight_of_a_foreign_page_is_refused(endpoint_url, way):
    headers = (("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST"))
    answer = send(endpoint_url, "OPTIONS", WAYS_IN[way][1], headers)
    assert answer.status in (401, 403), answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers


NAMES_THAT_ARE_NOT_OURS = (
    "evil.example",
    "localhost.evil.example",
    "a.execute-api.evil.example",
    "a.lambda-url.us-east-1.evil.example",
    "bucket.s3-website.evil.example",
    "localhost.localstack.cloud.evil.example",
    "evil.example:4566",
    "amazonaws.com.evil.example",
    "evilamazonaws.com",
    "ec2-1-2-3-4.compute-1.amazonaws.com",
    "2130706433",
    "127.1",
    "8.8.8.8",
    "attacker",
)


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("host", NAMES_THAT_ARE_NOT_OURS)
def test_unknown_host_is_refused_at_every_way_in(engine, endpoint_url, way, host):
    if engine.engine != "embedded" and "." not in host:
        pytest.skip("in a container, names without a dot are those that other containers know it by")
    method, path, headers, body = WAYS_IN[way]
    answer = send(endpoint_url, method, path, headers, body, host=host)
    assert (answer.status, json.loads(answer.body)["__type"]) == (403, "UnknownHost")
    assert "allowed_hosts in [tool.harness]" in answer.text


@pytest.mark.parametrize(
    "path", ["/_aws/execute-api/abc/v1/", "/_aws/ws/abc/v1", "/_harness/ready", "/_localstack/health"]
)
def test_unknown_host_is_refused_at_open_places(endpoint_url, path):
    assert send(endpoint_url, "GET", path, host="evil.example").status == 403


@pytest.mark.parametrize(
    "host", ["user@localhost", "localhost:port", "local host", "[::1", "[evil]", "a,b", "localhost/"]
)
def test_host_that_is_none_is_a_bad_request(endpoint_url, host):
    assert send(endpoint_url, "GET", "/_harness/ready", host=host).status == 400


def test_request_without_host_is_a_bad_request(endpoint_url):
    """https://www.rfc-editor.org/rfc/rfc9112#section-3.2"""
    assert send(endpoint_url, "GET", "/_harness/ready", host=None).status == 400
    assert send(endpoint_url, "GET", "/_harness/ready", host=None, protocol="HTTP/1.0").status == 200


def test_two_hosts_are_a_bad_request(endpoint_url):
    for first, second in (("localhost", "evil.example"), ("evil.example", "localhost")):
        assert send(endpoint_url, "GET", "/_harness/ready", [("Host", second)], host=first).status == 400


def test_host_of_a_whole_url_counts_as_well(endpoint_url):
    assert send(endpoint_url, "GET", "http://evil.example/_harness/ready", host="localhost").status == 403
    assert send(endpoint_url, "GET", "http://localhost/_harness/ready", host="localhost").status == 200


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost.", "engine.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "192.168.1.20",
     "sqs.us-east-1.amazonaws.com", "host.docker.internal", "sqs.us-east-1.localhost.localstack.cloud", "172.17.0.2"],
)  # fmt: skip
def test_host_that_is_ours_is_served(endpoint_url, host):
    at = httpx.URL(endpoint_url).port
    for written in (host, f"{host}:{at}"):
        assert send(endpoint_url, "GET", "/_harness/ready", host=written).status == 200


CONTROL = {
    name: WAYS_IN[name] for name in ("journal", "outbox", "reset", "kill", "mails", "messages", "unknown endpoint")
} | {
    "another spelling": ("GET", "//_harness/outbox", (), b""),
    "escaped": ("GET", "/%5fharness/outbox", (), b""),
    "escaped twice": ("GET", "/%255fharness/outbox", (), b""),
    "at the host of an API": ("GET", "/_localstack/health/../plugins", (), b""),
    "configuration": ("POST", "/_localstack/config", (), b'{"variable": "DEBUG", "value": 1}'),
    "plugins": ("GET", "/_localstack/plugins", (), b""),
    "faults": ("PUT", "/_harness/faults", (), b"{}"),
}


@pytest.mark.parametrize("way", CONTROL)
@pytest.mark.parametrize("token", [None, "", "x" * 43])
def test_engine_endpoint_without_its_token_is_refused(endpoint_url, way, token):
    method, path, headers, body = CONTROL[way]
    shown = [] if token is None else [("X-Harness-Token", token)]
    for host in ("localhost", "abc.execute-api.localhost"):
        answer = send(endpoint_url, method, path, [*headers, *shown], body, host=host)
        assert answer.status == 401, answer.text
        assert "X-Harness-Token" in json.loads(answer.body)["error"]


def test_token_shown_twice_is_refused(engine, endpoint_url):
    shown = [("X-Harness-Token", str(engine.token)), ("X-Harness-Token", "x")]
    assert send(endpoint_url, "GET", "/_harness/outbox", shown).status == 401


def test_ready_says_little_without_the_token(engine, endpoint_url):
    said = json.loads(send(endpoint_url, "GET", "/_harness/ready").body)
    assert said == {"ready": True, "engine": "serverless-harness"}
    assert engine.harness.ready()["pid"]


def test_health_checks_need_no_token(endpoint_url):
    for path in ("/_localstack/health", "/_localstack/init", "/_localstack/init/ready"):
        assert send(endpoint_url, "GET", path).status == 200


def test_token_file_is_for_this_user_only(project, engine):
    file = Path(project.settings.state_directory) / "engine.token"
    if engine.engine != "embedded":
        pytest.skip("the embedded engine's folder has it")
    assert file.read_text() == engine.token
    assert len(str(engine.token)) >= 43
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_uid) == (0o600, os.getuid())


def test_token_is_written_down_nowhere(engine, project):
    engine.harness.outbox()
    assert str(engine.token) not in repr(engine)
    assert str(engine.token) not in engine.harness._http.get("/journal").text
    if engine.engine == "embedded":
        assert str(engine.token) not in project.engine.log_file.read_text(errors="replace")
        pid = engine.harness.ready()["pid"]
        if (arguments := Path(f"/proc/{pid}/cmdline")).exists():
            assert str(engine.token) not in arguments.read_text() + Path(f"/proc/{pid}/environ").read_text()


CREDENTIAL = "X-Amz-Credential=test%2F20261130%2Fus-east-1%2F{scope}%2Faws4_request"
SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-Date=20261130T000000Z&X-Amz-SignedHeaders=host"


@pytest.mark.parametrize(
    "query",
    [
        f"Action=ListQueues&Version=2012-11-05&{CREDENTIAL}",
        f"Action=ListQueues&Version=2012-11-05&{CREDENTIAL}&{SIGNED}",
        f"Action=ListQueues&Version=2012-11-05&{CREDENTIAL.replace('{scope}', 's3')}&{SIGNED}",
        f"Action=CreateStack&{CREDENTIAL.replace('{scope}', 'sts')}&{SIGNED}",
        f"{CREDENTIAL.replace('{scope}', 's3')}&x-amz-credential=test&{SIGNED}",
        "Action=ListQueues&Version=2012-11-05&x-amz-credential=test%2F",
        "Action=ListQueues&Version=2012-11-05&AWSAccessKeyId=test",
        "Action=ListQueues&Version=2012-11-05&AWSAccessKeyId=test&Signature=00&Expires=2000000000",
        "AWSAccessKeyId=test",
    ],
)
def test_credentials_in_the_query_of_an_api_are_refused(endpoint_url, query):
    for path in ("/", "/queue/us-east-1/000000000000/any", "/000000000000/any"):
        answer = send(endpoint_url, "GET", f"{path}?{query.replace('{scope}', 'sqs')}")
        assert (answer.status, json.loads(answer.body)["__type"]) == (403, "CredentialsInQuery")


def test_scope_of_s3_opens_no_other_service(endpoint_url):
    query = f"{CREDENTIAL.replace('{scope}', 's3')}&{SIGNED}"
    answer = send(endpoint_url, "GET", f"/2015-03-31/functions?{query}")
    assert (answer.status, json.loads(answer.body)["__type"]) == (403, "CredentialsInQuery")
    form = send(endpoint_url, "POST", f"/?{query}", FORM, b"Action=ListQueues&Version=2012-11-05")
    assert (form.status, json.loads(form.body)["__type"]) == (403, "CredentialsInQuery")


@pytest.mark.parametrize("path", ["/queue/us-east-1/000000000000/{name}", "/000000000000/{name}"])
def test_unsigned_queue_url_request_is_refused_as_anonymous(engine, aws, endpoint_url, path):
    """An unsigned request is anonymous, and a queue lets no anonymous caller in by default
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-overview-of-managing-access.html)."""
    engine.require("iam")
    name = f"door-{uuid.uuid4().hex}"
    url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    try:
        sent = send(endpoint_url, "GET", f"{path.format(name=name)}?Action=SendMessage&MessageBody=x")
        assert sent.status == 403, sent.text
        attributes = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"
    finally:
        aws("sqs").delete_queue(QueueUrl=url)


# ---- what users do


def signed(
    endpoint_url: str, service: str, method: str, path: str, headers: dict[str, str], body: bytes
) -> httpx.Response:
    request = AWSRequest(method, f"{endpoint_url}{path}", headers, body)
    SigV4Auth(Credentials("test", "test"), service, "us-east-1").add_auth(request)
    return httpx.request(method, request.url, headers=dict(request.headers), content=body, trust_env=False, timeout=30)


def test_signed_calls_of_programs_pass(engine, endpoint_url):
    assert engine.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "aws-cli/2.31 md/awscrt"}
    by_form = signed(endpoint_url, "sts", "POST", "/", form, b"Action=GetCallerIdentity&Version=2011-06-15")
    assert by_form.status_code == 200, by_form.text
    by_json = signed(endpoint_url, "dynamodb", "POST", "/", dict(TARGET), b"{}")
    assert "TableNames" in by_json.json()


def test_fetch_of_nodejs_is_no_browser(endpoint_url):
    """It sends Sec-Fetch-Mode and nothing else: https://github.com/nodejs/undici/issues/1305"""
    headers = {**dict(TARGET), "sec-fetch-mode": "cors", "user-agent": "node", "accept-language": "*"}
    assert signed(endpoint_url, "dynamodb", "POST", "/", headers, b"{}").status_code == 200


def test_caller_identity_is_presigned_as_on_aws(endpoint_url):
    request = AWSRequest("GET", f"{endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(Credentials("test", "test"), "sts", "us-east-1", expires=60).add_auth(request)
    answer = httpx.get(request.url, trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    assert "GetCallerIdentityResult" in answer.text


@pytest.fixture
def bucket(aws):
    name = f"door-{uuid.uuid4().hex}"
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=name, Key="secret", Body=b"secret")
    yield name
    for entry in aws("s3").list_objects_v2(Bucket=name).get("Contents", ()):
        aws("s3").delete_object(Bucket=name, Key=entry["Key"])
    aws("s3").delete_bucket(Bucket=name)


def path_of(url: str) -> str:
    parsed = httpx.URL(url)
    return parsed.raw_path.decode()


PEOPLE: list[tuple[str, Headers]] = [
    ("", ()),
    ("", (("User-Agent", "Mozilla/5.0 Playwright"),)),
    ("", (("Sec-Fetch-Site", "none"),)),
    ("localhost.localstack.cloud", (("User-Agent", "Mozilla/5.0"), ("Upgrade-Insecure-Requests", "1"))),
]


@pytest.mark.parametrize(("host", "headers"), PEOPLE)
def test_presigned_url_is_opened_by_programs_and_browsers(endpoint_url, bucket, host, headers):
    for version in ("s3v4", "s3"):
        s3 = boto3.client(
            "s3", endpoint_url=endpoint_url, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test", config=boto3.session.Config(signature_version=version),
        )  # fmt: skip
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "secret"})
        at = f"http://{host}:{httpx.URL(endpoint_url).port}" if host else endpoint_url
        if host and version == "s3v4":
            url = boto3.client(
                "s3", endpoint_url=at, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
                config=boto3.session.Config(signature_version=version, s3={"addressing_style": "path"}),
            ).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "secret"})  # fmt: skip
        written = httpx.URL(at).netloc.decode()
        assert send(endpoint_url, "GET", path_of(url), headers, host=written).body == b"secret"


def test_presigned_put_of_a_program_passes(aws, endpoint_url, bucket):
    url = aws("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "new"})
    assert send(endpoint_url, "PUT", path_of(url), body=b"new").status == 200


def test_foreign_page_cannot_sign_with_well_known_keys(aws, endpoint_url, bucket):
    page = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "script")]
    url = aws("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "secret"})
    assert send(endpoint_url, "GET", path_of(url), page).status == 403
    put = aws("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "new"})
    assert send(endpoint_url, "PUT", path_of(put), [("Origin", "https://evil.example")], b"new").status == 403
    form = aws("s3").generate_presigned_post(bucket, "posted")
    boundary = "----door"
    parts = [f'Content-Disposition: form-data; name="{n}"\r\n\r\n{v}' for n, v in form["fields"].items()]
    parts.append('Content-Disposition: form-data; name="file"; filename="f"\r\n\r\nposted')
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    kind = ("Content-Type", f"multipart/form-data; boundary={boundary}")
    posted = send(endpoint_url, "POST", path_of(form["url"]), [kind, ("Origin", "null")], body.encode())
    assert posted.status == 403, posted.text
    assert send(endpoint_url, "POST", path_of(form["url"]), [kind], body.encode()).status == 204
    assert {e["Key"] for e in aws("s3").list_objects_v2(Bucket=bucket)["Contents"]} == {"secret", "posted"}


def test_cors_of_a_bucket_lets_the_origins_in_that_it_names(aws, endpoint_url, bucket):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html"""
    rule = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://lumen.example"], "AllowedHeaders": ["*"]}
    aws("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    url = aws("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "secret"})
    let_in = send(endpoint_url, "GET", path_of(url), [("Origin", "https://lumen.example")])
    assert (let_in.status, let_in.headers["Access-Control-Allow-Origin"]) == (200, "https://lumen.example")
    preflight = [("Access-Control-Request-Method", "PUT")]
    asked = send(endpoint_url, "OPTIONS", f"/{bucket}/new", [*preflight, ("Origin", "https://lumen.example")])
    assert asked.status == 200
    put = aws("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "new"})
    assert send(endpoint_url, "PUT", path_of(put), [("Origin", "https://lumen.example")], b"new").status == 200
    assert (
        send(endpoint_url, "OPTIONS", f"/{bucket}/new", [*preflight, ("Origin", "https://evil.example")]).status == 403
    )
    assert send(endpoint_url, "PUT", path_of(put), [("Origin", "https://evil.example")], b"new").status == 403


def test_page_of_a_deployed_site_calls_aws(aws, endpoint_url, bucket):
    port = httpx.URL(endpoint_url).port
    origin = ("Origin", f"http://{bucket}.s3-website.localhost.localstack.cloud:{port}")
    asked = [origin, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "x-amz-target")]
    assert send(endpoint_url, "OPTIONS", "/", asked).status == 403, "no site yet"
    aws("s3").put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    preflight = send(endpoint_url, "OPTIONS", "/", asked)
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, origin[1])
    call = {**dict(TARGET), "Origin": origin[1], "Sec-Fetch-Site": "cross-site", "User-Agent": "Mozilla/5.0"}
    answer = signed(endpoint_url, "dynamodb", "POST", "/", call, b"{}")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin[1])
    # Cognito's sign-up and sign-in are not signed.
    target = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", "AWSCognitoIdentityProviderService.InitiateAuth"),
    ]
    body = json.dumps({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "none", "AuthParameters": {}}).encode()
    assert send(endpoint_url, "POST", "/", [origin, *target], body).status == 400
    elsewhere = ("Origin", f"http://{bucket}.s3-website.localhost.localstack.cloud:1")
    assert send(endpoint_url, "OPTIONS", "/", [elsewhere, *asked[1:]]).status == 403


def test_same_origin_page_calls_aws(endpoint_url):
    for host in ("localhost", "127.0.0.1"):
        origin = f"http://{host}:{httpx.URL(endpoint_url).port}"
        headers = {**dict(TARGET), "Origin": origin, "Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0"}
        assert signed(endpoint_url, "dynamodb", "POST", "/", headers, b"{}").status_code == 200


def test_deployed_places_are_open_to_any_page(endpoint_url):
    """The response comes from the entry point, not from the door: nothing is deployed there."""
    page = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("User-Agent", "Mozilla/5.0")]
    for path in (
        "/_aws/execute-api/abcdefghij/v1/albums",
        "/restapis/abcdefghij/v1/_user_request_/albums",
        "/_aws/cognito-idp/none/oauth2/token",
        "/us-east-1_none/.well-known/jwks.json",
        "/_aws/elb/none-123/",
    ):
        assert "ForeignPage" not in send(endpoint_url, "GET", path, page).text
    for host in ("abc.execute-api.localhost.localstack.cloud", "none.s3-website.localhost.localstack.cloud"):
        assert "ForeignPage" not in send(endpoint_url, "GET", "/albums", page, host=host).text


@pytest.mark.parametrize("host", ["a.execute-api.localhost", "a.b.lambda-url.localhost", "a.elb.localhost"])
def test_host_of_an_api_opens_no_aws_api(endpoint_url, host):
    page = [("Origin", "https://evil.example"), *FORM]
    for method, path in (
        ("POST", "/?Action=ListQueues&Version=2012-11-05"),
        ("POST", "/queue/us-east-1/000000000000/x"),
    ):
        answer = send(endpoint_url, method, path, page, b"", host=host)
        assert answer.status != 200, answer.text
        assert "ListQueuesResult" not in answer.text


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HARNESS_ALLOWED_ORIGINS", "*", "'*' is no origin; write scheme, host and port"),
        ("HARNESS_ALLOWED_HOSTS", "http://engine.test", "'http://engine.test' is no host name"),
    ],
)
def test_engine_with_wrong_settings_does_not_start(tmp_path, monkeypatch, variable, value, said):
    """LocalStack boots on without a part that fails; without its door nothing is served."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(EngineError) as failed:
        EmbeddedEngine(tmp_path).start()
    assert said in failed.value.log
    assert not EmbeddedEngine(tmp_path).is_alive()
