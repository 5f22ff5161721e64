"""What is a secret and what is not; what of it is left."""

import base64
import gzip
import json
import re
import time

import pytest

from harness.journal.redaction import Redactor, put_back
from harness.journal.redaction.names import kind_of_name

MARK = re.compile(r"<secret:(\w+) (\d+) chars #([0-9a-f]{8})>")
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"RS256","kid":"k"}', b'{"sub":"ada","token_use":"id"}', b"0123456789abcdef0123456789abcdef")
)
# Joined, so that no scanner of this repository takes them for real ones.
STRIPE = "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc"
GITHUB = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"
SLACK = "xox" + "b-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy"
GOOGLE = "AI" + "zaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PEM = "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEpAIBAAKCAQEA7bq\nx9/+==\n-----END RSA PRIVATE KEY-----"
PASSWORD = "Correct-horse-7-battery"

SECRET_NAMES = """
password Password passwd dbPassword DB_PASSWORD user_password smtp_pass pwd passphrase secret client_secret
clientSecret ClientSecret SecretString SecretBinary SecretHash SECRET_HASH api_key apiKey x-api-key X-Api-Key
APIKEY private_key SecretAccessKey secret_access_key aws_secret_access_key SecretKey SessionToken
X-Amz-Security-Token access_token refreshToken id_token IdToken token Token taskToken csrf_token Authorization
authorizationToken proxy-authorization Cookie Set-Cookie cookies X-Amz-Signature Signature sig
confirmation_code ConfirmationCode verificationCode otp SMS_MFA_CODE code_verifier SRP_A SRP_B
PASSWORD_CLAIM_SIGNATURE PASSWORD_CLAIM_SECRET_BLOCK Plaintext STRIPE_SECRET githubToken x-hub-signature-256
authToken AccountKey
"""
ORDINARY_NAMES = """
NextToken next_token nextPageToken ContinuationToken NextContinuationToken paginationToken StartingToken
ClientToken ClientRequestToken idempotency_token nextForwardToken uploadSequenceToken token_type tokenUse
token_use TokenValidityUnits SecretId SecretName secretArn AccessKeyId access_key_id X-Amz-Credential KeyId
key Key keys PasswordPolicy passwordLastUsed authorizationType AuthorizationScopes signatureVersion
SignedHeaders statusCode errorCode region compass bypass passed tokenizer max_tokens input_tokens author
authority cookiecutter secretary ETag etag sha256 hash id request_id sessionId username email encoding monkey
keyboard resolution passenger
"""


@pytest.fixture
def redactor():
    return Redactor(b"k" * 32)


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_name_of_a_secret_is_known(redactor, name):
    assert kind_of_name(name)
    # A bare code is one by what it is.
    value = json.dumps({name: "493021"})
    assert MARK.search(redactor.json(value))


@pytest.mark.parametrize("name", ORDINARY_NAMES.split())
def test_ordinary_name_is_no_secret(name):
    assert kind_of_name(name) is None


@pytest.mark.parametrize(
    ("written", "secret"),
    [
        (f"Authorization: Bearer {JWT}", JWT),
        ("authorization: Bearer opaque-0123456789-token", "opaque-0123456789-token"),
        ("Authorization: Basic YWRhOkNvcnJlY3QtaG9yc2U=", "YWRhOkNvcnJlY3QtaG9yc2U="),
        ("calls with Bearer 0pAqUe.t0ken.of.theirs and waits", "0pAqUe.t0ken.of.theirs"),
        (f"token {JWT} is refused", JWT),
        (
            "https://bucket.s3.amazonaws.com/a?X-Amz-Credential=AKIAEXAMPLE%2F20261130&X-Amz-Signature=" + "ab" * 32,
            "ab" * 32,
        ),
        (
            "GET /a?AWSAccessKeyId=AKIA&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D&Expires=1",
            "vjbyPxybdZaNmGa%2ByT272YEAiv4%3D",
        ),
        ("postgres://app:hunter2-pw@db.example:5432/app", "hunter2-pw"),
        (f"login failed for ada password={PASSWORD}", PASSWORD),
        (f"login failed, password: {PASSWORD}", PASSWORD),
        (f"KeyError: {{'password': '{PASSWORD}', 'user': 'ada'}}", PASSWORD),
        (f'event {{"user": "ada", "password": "{PASSWORD}"}}', PASSWORD),
        (f'event "{{\\"user\\": \\"ada\\", \\"password\\": \\"{PASSWORD}\\"}}"', PASSWORD),
        (f'{{"a":"{{\\\\\\"password\\\\\\":\\\\\\"{PASSWORD}\\\\\\"}}', PASSWORD),
        ("password=correcthorse&user=ada", "correcthorse"),
        ("client_secret=abc&grant_type=refresh_token&refresh_token=xyzxyz", "xyzxyz"),
        ("user%5Bpassword%5D=secr3t-one&x=1", "secr3t-one"),
        ("redirect=https%3A%2F%2Fa.example%2F%3Ftoken%3Dabcdef123%26x%3D1", "abcdef123"),
        (f"<Credentials><SecretAccessKey>{SECRET_KEY}</SecretAccessKey></Credentials>", SECRET_KEY),
        (f"<user name='ada'><ns:Password xml:lang='en'><![CDATA[{PASSWORD}]]></ns:Password></user>", PASSWORD),
        (f"aws_secret_access_key = {SECRET_KEY}", SECRET_KEY),
        (f"AWS_SECRET_ACCESS_KEY={SECRET_KEY} AWS_REGION=us-east-1", SECRET_KEY),
        (f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{PASSWORD}\r\n--b--', PASSWORD),
        (f"key:\n{PEM}\nend", PEM.split("\n")[1]),
        (STRIPE, STRIPE),
        (f"pushed with {GITHUB}.", GITHUB),
        (f"slack {SLACK}", SLACK),
        (f"https://maps.example/?q=1&k={GOOGLE}", GOOGLE),
        ("Cookie: session=abc123def; theme=dark", "abc123def"),
        ("Set-Cookie: session=abc123def; Path=/; HttpOnly", "abc123def"),
        ("Your confirmation code is 493021.", "493021"),
        ("[{'Name': '/planted', 'Type': 'SecureString', 'Value': 'hush-1-2'}]", "hush-1-2"),
        ("{'passwd': {'S': 'hush-1-2'}, 'id': {'S': '1'}}", "hush-1-2"),
        (
            "E   {'attributes': {\nE     'apiKey': {\nE       'DataType': 'String',\nE       'StringValue': 'hush-1-2'",
            "hush-1-2",
        ),
        ("E   {'text': 'a temporary password is '\nE            'Tmp-9x!kQ'}", "Tmp-9x!kQ"),
        ('[INFO] said {"authToken": {"stringValue": "hush-1-2", "dataType": "String"}}', "hush-1-2"),
        ('b: --b\\r\\nContent-Disposition: form-data; name=\\"api_key\\"\\r\\n\\r\\nhush-1-2\\r\\n--b', "hush-1-2"),
        ("Your username is ada and temporary password is Tmp-9x!kQ.", "Tmp-9x!kQ"),
    ],
)
def test_secret_in_a_text_is_cut(redactor, written, secret):
    cut = redactor.text(written)
    assert secret not in cut
    assert MARK.search(cut)
    assert redactor.text(cut) == cut, "what was cut is cut again"


@pytest.mark.parametrize(
    "written",
    [
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:prod/db-AbCdEf",
        "1-6750c1aa-0f1e2d3c4b5a69788796a5b4",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
        "invalid token: expired",
        "The security token included in the request is invalid.",
        "Password: must have at least 8 characters",
        "error code: 100500",
        "exit code 1",
        "token=None, secret=null, password=***",
        '{"token_type": "Bearer", "expires_in": 3600}',
        '{"NextToken": "AAMA-EFRSURBSGhQ", "next_token": "eyI0Ijoi"}',
        "password: {{resolve:secretsmanager:prod:SecretString:password}}",
        "Password: ${DbPassword}",
        "Bearer authentication is required; Basic authentication is not",
        "https://user.example/path@2x.png and mail ada@people.example",
        "https://example.com/callback?code=DE&state=open",
        "client.sign_up(Password=person.password, Username=person.name)",
        "self.token = token",
        "def authorize(token, secret=None):",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-learn and skeleton-key and SKU",
        "<Code>NoSuchKey</Code><NextToken>abc123</NextToken><SecretId>a</SecretId>",
        "cause: NotAuthorizedException (token_use=access)",
    ],
)
def test_ordinary_text_is_not_cut(redactor, written):
    assert redactor.text(written) == written


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "a" * 12, "user": "ada"}, {"password": "<secret:password 12 chars #>", "user": "ada"}),
        (
            {"headers": {"Authorization": f"Bearer {JWT}", "accept": "*/*"}},
            {"headers": {"Authorization": f"Bearer <secret:jwt {len(JWT)} chars #>", "accept": "*/*"}},
        ),
        (
            {"multiValueHeaders": {"authorization": [f"Bearer {JWT}"]}},
            {"multiValueHeaders": {"authorization": [f"Bearer <secret:jwt {len(JWT)} chars #>"]}},
        ),
        (
            {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20261130/x, Signature=" + "a1" * 32},
            {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20261130/x, Signature=<secret:signature 64 chars #>"},
        ),
        (
            {"Cookie": "session=abc; theme=dark"},
            {"Cookie": "session=<secret:cookie 3 chars #>; theme=<secret:cookie 4 chars #>"},
        ),
        (
            {"set-cookie": "session=abc; Path=/; Max-Age=5; Secure"},
            {"set-cookie": "session=<secret:cookie 3 chars #>; Path=/; Max-Age=5; Secure"},
        ),
        ({"cookies": ["a=b12"]}, {"cookies": ["a=<secret:cookie 3 chars #>"]}),
        (
            {"Item": {"id": {"S": "1"}, "password": {"S": "hush"}}},
            {"Item": {"id": {"S": "1"}, "password": {"S": "<secret:password 4 chars #>"}}},
        ),
        (
            {"MessageAttributes": {"apiKey": {"DataType": "String", "StringValue": "hush"}}},
            {"MessageAttributes": {"apiKey": {"DataType": "String", "StringValue": "<secret:key 4 chars #>"}}},
        ),
        (
            [{"Name": "custom:password", "Value": "hush"}, {"Name": "email", "Value": "a@b.c"}],
            [{"Name": "custom:password", "Value": "<secret:password 4 chars #>"}, {"Name": "email", "Value": "a@b.c"}],
        ),
        (
            [{"ParameterKey": "DbPassword", "ParameterValue": "hush"}],
            [{"ParameterKey": "DbPassword", "ParameterValue": "<secret:password 4 chars #>"}],
        ),
        (
            {"Name": "/app/greeting", "Type": "String", "Value": "hello"},
            {"Name": "/app/greeting", "Type": "String", "Value": "hello"},
        ),
        (
            {"Name": "/app/greeting", "Type": "SecureString", "Value": "hello"},
            {"Name": "/app/greeting", "Type": "SecureString", "Value": "<secret:secret 5 chars #>"},
        ),
        (
            {"AuthParameters": {"USERNAME": "ada", "PASSWORD": "hush", "SRP_A": "ffff"}},
            {
                "AuthParameters": {
                    "USERNAME": "ada",
                    "PASSWORD": "<secret:password 4 chars #>",
                    "SRP_A": "<secret:secret 4 chars #>",
                }
            },
        ),
        (
            {"Environment": {"Variables": {"TABLE": "albums", "API_KEY": "hush"}}},
            {"Environment": {"Variables": {"TABLE": "<secret:secret 6 chars #>", "API_KEY": "<secret:key 4 chars #>"}}},
        ),
        (
            {"Type": "Notification", "SignatureVersion": "1", "Signature": "EXAMPLE=="},
            {"Type": "Notification", "SignatureVersion": "1", "Signature": "EXAMPLE=="},
        ),
        (
            {"code": "493021", "email": "ada@people.example"},
            {"code": "<secret:code 6 chars #>", "email": "ada@people.example"},
        ),
        ({"code": "ConditionalCheckFailedException"}, {"code": "ConditionalCheckFailedException"}),
        (
            {"error": {"code": "404"}, "code": 200, "statusCode": 200},
            {"error": {"code": "404"}, "code": 200, "statusCode": 200},
        ),
        ({"code": "short", "state": "x"}, {"code": "<secret:code 5 chars #>", "state": "x"}),
        (
            {"kty": "EC", "crv": "P-256", "x": "xx", "d": "hush"},
            {"kty": "EC", "crv": "P-256", "x": "xx", "d": "<secret:key 4 chars #>"},
        ),
        (
            {"password": {"type": "string", "minLength": 8, "description": "of the user"}},
            {"password": {"type": "string", "minLength": 8, "description": "of the user"}},
        ),
        ({"tokens": 5, "token": None, "secret": True}, {"tokens": 5, "token": None, "secret": True}),
        ({"password": 12345678}, {"password": "<secret:password 8 chars #>"}),
        ({"query": {"token": "abc", "page": "2"}}, {"query": {"token": "<secret:token 3 chars #>", "page": "2"}}),
        (
            {"body": "grant_type=authorization_code&code=abc&client_secret=hush&x=a+b"},
            {
                "body": "grant_type=authorization_code&code=<secret:code 3 chars #>&client_secret=<secret:secret 4 chars #>&x=a+b"
            },
        ),
        ({"NextToken": "abc", "next_token": "def"}, {"NextToken": "abc", "next_token": "def"}),
        (
            {"requestContext": {"identity": {"apiKey": "hush", "accessKey": "AKIA", "sourceIp": "127.0.0.1"}}},
            {
                "requestContext": {
                    "identity": {"apiKey": "<secret:key 4 chars #>", "accessKey": "AKIA", "sourceIp": "127.0.0.1"}
                }
            },
        ),
        (
            {"Metadata": {"api-key": "hush", "camera": "x"}},
            {"Metadata": {"api-key": "<secret:key 4 chars #>", "camera": "x"}},
        ),
    ],
)
def test_only_the_secret_part_of_a_value_is_cut(redactor, value, expected):
    cut = json.dumps(redactor.data(value))
    assert re.sub(r"#[0-9a-f]{8}", "#", cut) == json.dumps(expected)
    assert json.dumps(redactor.data(json.loads(cut))) == cut


def test_json_in_json_keeps_its_structure(redactor):
    inner = {"detail": json.dumps({"user": "ada", "password": PASSWORD})}
    cut = redactor.data({"Records": [{"body": json.dumps(inner)}]})
    detail = json.loads(json.loads(cut["Records"][0]["body"])["detail"])
    assert detail["user"] == "ada"
    assert MARK.fullmatch(detail["password"])


@pytest.mark.parametrize("pack", [lambda text: text, gzip.compress], ids=["plain", "packed"])
def test_base64_is_looked_into(redactor, pack):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html, services-cloudwatchlogs.html"""
    content = json.dumps({"message": f"password={PASSWORD}", "id": "1"}).encode()
    cut = redactor.data({"kinesis": {"data": base64.b64encode(pack(content)).decode()}})
    decoded = base64.b64decode(cut["kinesis"]["data"])
    decoded = decoded if pack is not gzip.compress else gzip.decompress(decoded)
    assert json.loads(decoded)["id"] == "1"
    assert PASSWORD not in decoded.decode()


def test_picture_in_base64_is_left_alone(redactor):
    picture = base64.b64encode(bytes(range(256)) * 40).decode()
    assert redactor.data({"data": picture, "body": picture}) == {"data": picture, "body": picture}


def test_equal_secrets_have_equal_marks_and_others_do_not(redactor):
    cut = redactor.data({"a": {"password": "one-1"}, "b": {"Password": "one-1"}, "c": {"password": "two-2"}})
    assert cut["a"]["password"] == cut["b"]["Password"] != cut["c"]["password"]
    header, text = redactor.data({"authorization": f"Bearer {JWT}"}), redactor.text(f"got {JWT}!")
    assert MARK.search(header["authorization"])[0] in text


def test_digest_cannot_be_computed_without_the_key():
    marks = {Redactor().mark("code", "493021") for _ in range(3)}
    assert len(marks) == 3
    assert Redactor(b"k" * 32).mark("code", "493021") == Redactor(b"k" * 32).mark("code", "493021")


def test_marks_are_put_back_only_where_they_are_kept():
    text = f"password={PASSWORD} and Bearer {JWT}"
    silent, keeping = Redactor(b"k" * 32), Redactor(b"k" * 32, keeps=True)
    cut = keeping.text(text)
    assert cut == silent.text(text)
    assert put_back(cut, keeping.marking.kept()) == text
    assert silent.marking.kept() == {}
    assert put_back(cut, {}) == cut


def test_source_line_keeps_its_expressions(redactor):
    line = "    client.sign_up(Password=person2.password, token=tokens[0], Secret='hush-1')"
    cut = redactor.text(line, source_code=True)
    assert "Password=person2.password, token=tokens[0], Secret='<secret:secret 6 chars" in cut


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "eyJhbGciOi.",
        "eyJhbGciOiJ.e.",
        "://",
        "://a:",
        "://a:b",
        "password=",
        "password='",
        'password="',
        'password=\\"',
        "Bearer ",
        "Bearer aaaaaaaaa1 ",
        "<password>",
        "<password",
        "<a ",
        'name="token"\r\n',
        "-----BEGIN PRIVATE KEY-----",
        "code ",
        "code is ",
        "xoxb-",
        "SG.",
        "SG.aaaaaaaaaaaaaaaaaaa",
        "a.",
        "token",
        "token:",
        "%3Ftoken%3D",
        "token%3D",
        "password is ",
        "\\",
        "cookie: a=",
        "Authorization: AWS4-HMAC-SHA256 Signature=",
        "github_pat_",
        "IQoJb3JpZ2lu",
        '{"a":',
        "[",
        "=",
        "&token=&",
        "1234567890:AA",
        "key-0",
        "password",
        "a=b&",
        "eyI",
        "token[",
        "whsec_=",
    ],
)
def test_time_grows_with_the_length_alone(redactor, piece):
    """An attacker's body must not stop the engine. A pattern that is quadratic takes minutes for this."""
    text = (piece * (40_000 // len(piece))) + "password="
    began = time.process_time()
    redactor.text(text)
    redactor.data({"body": text, "data": text})
    redactor.json(json.dumps({"body": text}))
    assert time.process_time() - began < 5
