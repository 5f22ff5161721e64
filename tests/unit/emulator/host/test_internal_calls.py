"""A call of one service to another is, for the gateway, the request that botocore would have sent."""

import io

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from localstack import config
from werkzeug.wrappers import Request

from harness.emulator.host.internal_calls import _Body, environ_of, is_own

PORT = config.GATEWAY_LISTEN[0].port


def _request(method: str, path: str, body: object = None, **headers: str) -> AWSPreparedRequest:
    given = HTTPHeaders()
    for name, value in headers.items():
        given[name.replace("_", "-")] = value
    return AWSPreparedRequest(method, f"http://localhost:{PORT}{path}", given, body, False)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        (f"http://localhost:{PORT}/", True),
        (f"http://127.0.0.1:{PORT}/", True),
        (f"http://s3.localhost.localstack.cloud:{PORT}/bucket", True),
        (f"http://localhost:{PORT + 1}/", False),
        (f"http://example.org:{PORT}/", False),
        (f"http://localhost.example.org:{PORT}/", False),
        ("https://sqs.us-east-1.amazonaws.com/", False),
    ],
)
def test_only_calls_to_this_engine_stay_in_it(url: str, own: bool):
    assert is_own(url) is own


def test_path_and_query_arrive_as_they_were_sent():
    request = Request(environ_of(_request("GET", "/bucket/a%2Fb%20c%C3%BC?list-type=2&prefix=%2F")))
    assert request.environ["RAW_URI"] == "/bucket/a%2Fb%20c%C3%BC?list-type=2&prefix=%2F"
    assert request.path == "/bucket/a/b cü"
    assert request.args.to_dict() == {"list-type": "2", "prefix": "/"}


@pytest.mark.parametrize("body", [b"text", "text", bytearray(b"text"), io.BytesIO(b"text")])
def test_body_of_every_kind_arrives_whole(body: object):
    request = Request(environ_of(_request("PUT", "/", body, Transfer_Encoding="chunked")))
    assert (request.get_data(), request.content_length) == (b"text", 4)
    assert "Transfer-Encoding" not in request.headers


def test_answer_is_read_in_pieces_or_as_a_whole():
    assert _Body([b"ab", b"cde"]).read() == b"abcde"
    pieces = _Body([b"ab", b"cde"])
    assert [pieces.read(1), pieces.read(3), pieces.read(), pieces.read(1)] == [b"a", b"b", b"cde", b""]
    assert b"".join(_Body([b"ab", b"cde"]).stream()) == b"abcde"
