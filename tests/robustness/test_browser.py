"""What a web page of a stranger can do to the engine, in a real browser: nothing, and it reads nothing.

Each attack is run from a page at a stranger's name and from one at another port of this machine, against the engine by its
loopback address and by a name to which browsers send no Sec-Fetch-* headers. That an attack arrived, the engine's log says.
"""

import http.client
import http.server
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

from harness.engine import Target
from harness.project import Project

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed (extra dev)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt-get install chromium)")

ARRIVAL_SECONDS = 15.0
STRANGER, REBOUND = "evil.example", "rebind.example"
WITHOUT_FETCH_METADATA = "localhost.localstack.cloud"
CREDENTIAL = quote("test/20261130/us-east-1/sqs/aws4_request", safe="")

SCRIPT = (Path(__file__).parent / "attacks.js").read_text()
ATTACKS = [
    quoted or bare
    for quoted, bare in re.findall(r'^  (?:"([\w -]+)"|(\w+)): ', SCRIPT.split("window.attacks")[1], re.M)
]


class Pages(http.server.BaseHTTPRequestHandler):
    """A stranger's site: an empty page, a service worker, and a way to elsewhere."""

    def do_GET(self) -> None:
        if self.path.startswith("/redirect?to="):
            self.send_response(302)
            self.send_header("Location", unquote(self.path.removeprefix("/redirect?to=")))
            self.end_headers()
            return
        is_script = self.path.startswith("/worker.js")
        body = SERVICE_WORKER if is_script else "<!doctype html><title>page</title><body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing in tests."""


SERVICE_WORKER = """
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', e => e.waitUntil(self.clients.claim()));
self.addEventListener('message', e => fetch(e.data, {mode: 'no-cors'}).then(a => a.text())
    .then(t => e.source.postMessage(t), () => e.source.postMessage('')));
"""


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    """A server of this machine's; gives its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(Pages) as at:
        yield at


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = (STRANGER, REBOUND, WITHOUT_FETCH_METADATA, "*.localhost.localstack.cloud")
    rules = ", ".join(f"MAP {name} 127.0.0.1" for name in names)
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", f"--host-resolver-rules={rules}"], timeout=180_000
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


class Victim:
    """A queue and an object without any permission, and what the engine logs of attempts."""

    def __init__(self, engine: Target, project: Project) -> None:
        self.engine, self.project = engine, project
        self.marker = f"victim-{uuid.uuid4().hex}"
        self.secret = f"window.leaked = 'secret-{uuid.uuid4().hex}'"
        self.port = urlsplit(str(engine.endpoint_url)).port
        self.log_mark = project.engine.log_mark()
        self.sqs, self.s3 = engine.client("sqs"), engine.client("s3")

    def __enter__(self) -> "Victim":
        self.queue = self.sqs.create_queue(QueueName=self.marker)["QueueUrl"]
        self.s3.create_bucket(Bucket=self.marker)
        self.s3.put_object(
            Bucket=self.marker, Key="secret.js", Body=self.secret.encode(), ContentType="text/javascript"
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.sqs.delete_queue(QueueUrl=self.queue)
        self.s3.delete_object(Bucket=self.marker, Key="secret.js")
        self.s3.delete_bucket(Bucket=self.marker)

    def writes(self, host: str) -> str:
        return f"http://{host}:{self.port}/queue/us-east-1/000000000000/{self.marker}?Action=SendMessage&MessageBody=x"

    def creates(self, host: str) -> str:
        return (
            f"http://{host}:{self.port}/{self.marker}-created?Action=CreateQueue&Version=2012-11-05"
            f"&QueueName={self.marker}-created&X-Amz-Credential={CREDENTIAL}"
        )

    def reads(self, host: str) -> str:
        at = self.engine.session.client("s3", endpoint_url=f"http://{host}:{self.port}")
        return str(at.generate_presigned_url("get_object", Params={"Bucket": self.marker, "Key": "secret.js"}))

    def refused(self) -> list[str]:
        log = self.project.engine.log_after(self.log_mark)
        return [line for line in log.splitlines() if " refused " in line and self.marker in line]

    def wait_until_refused(self, path: str, page: Any) -> None:
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while not any(path in line for line in self.refused()):
            assert time.monotonic() < deadline, f"{path} did not arrive; refused was: {self.refused()}"
            page.wait_for_timeout(20)

    def assert_unharmed(self) -> None:
        counted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=counted)["Attributes"]
        assert set(attributes.values()) == {"0"}
        assert self.sqs.list_queues(QueueNamePrefix=self.marker)["QueueUrls"] == [self.queue]
        assert [e["Key"] for e in self.s3.list_objects_v2(Bucket=self.marker)["Contents"]] == ["secret.js"]


@pytest.fixture(scope="module")
def victim(engine: Target, project: Project) -> Iterator[Victim]:
    if engine.engine != "embedded":
        pytest.skip("the log of the embedded engine shows what arrived")
    with Victim(engine, project) as attacked:
        yield attacked


def attack(page: Any, victim: Victim, how: str, site: str, host: str) -> None:
    call = "async ([how, url, site]) => await window.attacks[how](url, site)"
    for url, must_be_refused in (
        (victim.writes(host), True),
        (victim.creates(host), True),
        (victim.reads(host), False),
    ):
        page.goto(site)
        victim.log_mark = victim.project.engine.log_mark()
        page.evaluate(SCRIPT)
        read = page.evaluate(call, [how, url, site])
        assert not read, f"the page read {read!r}"
        if must_be_refused:
            victim.wait_until_refused(urlsplit(url).path, page)


@pytest.mark.parametrize("how", ATTACKS)
def test_foreign_page_has_no_effect_and_reads_nothing(page, victim, port, how):
    attack(page, victim, how, f"http://{STRANGER}:{port}", "127.0.0.1")
    attack(page, victim, how, f"http://localhost:{port}", "localhost")
    # Browsers send no Sec-Fetch-* there.
    attack(page, victim, how, f"http://{STRANGER}:{port}", WITHOUT_FETCH_METADATA)
    victim.assert_unharmed()


def test_service_worker_has_no_effect(page, victim, port):
    page.goto(f"http://localhost:{port}")
    script = """async url => {
        await navigator.serviceWorker.register('/worker.js');
        const ready = await navigator.serviceWorker.ready;
        return await new Promise(done => {
            navigator.serviceWorker.onmessage = m => done(m.data);
            ready.active.postMessage(url);
        });
    }"""
    for url in (victim.writes("127.0.0.1"), victim.creates("localhost")):
        assert page.evaluate(script, url) in ("", None)
        victim.wait_until_refused(urlsplit(url).path, page)
    victim.assert_unharmed()


def test_page_of_a_file_has_no_effect(page, victim, tmp_path: Path):
    file = tmp_path / "page.html"
    file.write_text("<!doctype html><body>")
    for how in ("image", "fetch", "opaque POST", "form as text", "WebSocket"):
        attack(page, victim, how, f"file://{file}", "127.0.0.1")
    victim.assert_unharmed()


@pytest.fixture
def rebound(victim: Victim) -> Iterator[str]:
    """A site whose name has come to lead to the engine: its page was read before, everything else is the engine's."""

    class Rebound(Pages):
        def do_GET(self) -> None:
            if self.path == "/attack.html":
                super().do_GET()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection("127.0.0.1", victim.port, timeout=30)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            said = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type") or "text/plain")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            connection.close()

        do_POST = do_GET  # noqa: N815 - the name that the server calls

    with serving(Rebound) as port:
        yield f"http://{REBOUND}:{port}"


def test_rebound_name_reads_nothing(page, victim, rebound):
    """The page and the engine are of one origin then: https://en.wikipedia.org/wiki/DNS_rebinding"""
    page.goto(f"{rebound}/attack.html")
    for path in ("/_harness/outbox", "/_harness/journal", "/_localstack/health", f"/{victim.marker}/secret.js"):
        read = page.evaluate("async path => (await fetch(path)).text()", path)
        assert "UnknownHost" in read, read
        assert victim.secret not in read
    sent = "async path => (await fetch(path, {method: 'POST', body: '{\"scope\": \"all\"}'})).status"
    assert page.evaluate(sent, "/_harness/reset") == 403
    for url in (victim.writes(REBOUND), victim.creates(REBOUND)):
        path = url.partition(f":{victim.port}")[2]
        assert page.evaluate("async path => (await fetch(path)).status", path) == 403
    assert page.goto(f"{rebound}/_harness/ready").status == 403
    victim.assert_unharmed()


# ---- what pages of deployed sites do


@pytest.fixture
def site(engine: Target, victim: Victim) -> Iterator[str]:
    """The address of a deployed website; its bucket has a CORS configuration that allows no origin."""
    bucket = f"site-{uuid.uuid4().hex}"
    s3 = engine.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<!doctype html><body>", ContentType="text/html")
    yield f"http://{bucket}.s3-website.{WITHOUT_FETCH_METADATA}:{victim.port}/"
    s3.delete_object(Bucket=bucket, Key="index.html")
    s3.delete_bucket(Bucket=bucket)


def test_deployed_site_uses_presigned_urls_and_forms(page, site, victim):
    assert page.goto(site).status == 200
    read = page.evaluate("async url => (await fetch(url)).text()", victim.reads("127.0.0.1"))
    assert read == victim.secret
    where = {"Bucket": victim.marker, "Key": "secret.js"}
    put = victim.s3.generate_presigned_url("put_object", Params=where)
    assert page.evaluate("async url => (await fetch(url, {method: 'PUT', body: new Blob(['new'])})).status", put) == 200
    form = victim.s3.generate_presigned_post(victim.marker, "secret.js")
    script = """async form => {
        const data = new FormData();
        for (const [name, value] of Object.entries(form.fields)) data.append(name, value);
        data.append('file', new Blob(['newer']));
        return (await fetch(form.url, {method: 'POST', body: data})).status;
    }"""
    assert page.evaluate(script, form) == 204
    assert victim.s3.get_object(**where)["Body"].read() == b"newer"
    assert page.request.get(victim.reads("127.0.0.1")).text() == "newer"
    victim.s3.put_object(**where, Body=victim.secret.encode(), ContentType="text/javascript")


def test_deployed_site_signs_users_in(page, site, engine):
    """A user pool's sign-in is not signed; the page's script sends a preflight."""
    page.goto(site)
    script = """async url => {
        const headers = {'Content-Type': 'application/x-amz-json-1.1',
                         'X-Amz-Target': 'AWSCognitoIdentityProviderService.InitiateAuth'};
        const body = JSON.stringify({AuthFlow: 'USER_PASSWORD_AUTH', ClientId: 'none',
                                     AuthParameters: {USERNAME: 'ada', PASSWORD: 'x'}});
        const answer = await fetch(url, {method: 'POST', headers, body});
        return [answer.status, await answer.text()];
    }"""
    status, text = page.evaluate(script, f"{engine.endpoint_url}/")
    assert (status, "ForeignPage" in text) == (400, False)
    assert "ResourceNotFoundException" in text


def test_user_opens_engine_addresses_in_a_browser(page, victim, engine):
    assert page.goto(f"{engine.endpoint_url}/_harness/ready").json()["ready"]
    assert page.goto(f"{engine.endpoint_url}/_localstack/health").status == 200
    for host in ("127.0.0.1", WITHOUT_FETCH_METADATA):
        assert page.goto(victim.reads(host)).text() == victim.secret


def test_page_of_an_allowed_origin_calls_the_engine(page, port, tmp_path: Path):
    from harness.engine import EmbeddedEngine
    from harness.settings import Callers

    allowed = EmbeddedEngine(tmp_path, callers=Callers(allowed_origins=(f"http://localhost:{port}",)))
    target = allowed.start()
    try:
        script = """async url => {
            const scope = 'test/20261130/us-east-1/sqs/aws4_request';
            const headers = {'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.ListQueues',
                             'Authorization': `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`};
            return (await fetch(url, {method: 'POST', headers, body: '{}'})).status;
        }"""
        page.goto(f"http://localhost:{port}")
        assert page.evaluate(script, f"{target.endpoint_url}/") == 200
        page.goto(f"http://{STRANGER}:{port}")
        with pytest.raises(sync_api.Error, match="Failed to fetch"):
            page.evaluate(script, f"{target.endpoint_url}/")
    finally:
        allowed.stop()
