"""Mixed flows through the eight stacks for a long time, with faults and data resets: what grows, what is lost.

    make soak MINUTES=60

Starts a separate engine and removes it at the end. Users sign up, create albums, upload pictures, click, open browsers and
start campaigns, several at once. Some operations meet a fault and must complete nevertheless. Each round ends with a reset
of all users' data. Every five minutes the engine is measured while idle; the table at the end shows the figures.

Exit code 1 when an operation is lost, when the engine's log has an InternalError, or when, after the first ten minutes, a
figure has grown by more than its tolerance (`TOLERANCES`).
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from fixtures.analytics import Analytics, click_on, unique_album
from fixtures.campaigns import MailSaas, _started, new_id
from fixtures.catalog import Owner
from fixtures.people import People, Person
from fixtures.push import Browser, Browsers, happening
from fixtures.services import Api, Bus, user_registered
from fixtures.uploads import Uploader, picture
from harness.engine import Target
from harness.engine.ports import any_free_port
from harness.engine.websocket import WebSocket
from harness.faults import Faults
from harness.project import Project

ROOT = Path(__file__).parents[2]
WORKERS = 4
ROUND_SECONDS = 45.0
OUTCOME_SECONDS = 120.0
"""Longer than any retry; what has not happened by then is lost."""
SAMPLE_SECONDS = 300.0
WARM_SECONDS = 600.0
REST_SECONDS = 25.0
"""Within this time the engine releases the resources of a round."""
JOURNAL_BYTES = 16 * 1024 * 1024
"""Less than usual, so that the journal is full within the first ten minutes."""


@dataclass(frozen=True)
class Sample:
    """The idle engine. Memory in MiB: of the engine, and of all its processes with shared pages counted once."""

    minutes: float
    engine_mib: float
    total_mib: float
    threads: int
    handles: int
    connections: int
    to_itself: int
    environments: int
    operations: int

    def row(self) -> str:
        return (
            f"{self.minutes:7.1f} {self.engine_mib:10.0f} {self.total_mib:10.0f} {self.threads:8} {self.handles:8} "
            f"{self.connections:11} {self.to_itself:9} {self.environments:12} {self.operations:10}"
        )


HEADER = " minute engine MiB  total MiB  threads  handles connections to itself environments operations"
TOLERANCES: dict[str, Callable[[float], float]] = {
    "engine_mib": lambda before: max(40.0, before * 0.08),
    "threads": lambda _before: 12.0,
    "handles": lambda _before: 24.0,
    "connections": lambda _before: 16.0,
    "to_itself": lambda _before: 0.0,
}
"""By how much a figure may be above the one after ten minutes."""


@dataclass
class World:
    """The deployed stacks as their users reach them."""

    target: Target
    people: People
    catalog: Api
    uploads: Api
    campaigns: Api
    recipients_table: str
    browsers: Browsers
    analytics: Analytics
    bus: Bus
    saas: MailSaas
    faults: Faults
    done: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    def signed_in(self, name: str) -> tuple[Person, str, str]:
        """A new user, with user id and id token."""
        person = Person(name=name)
        user_id = self.people.sign_up(person)
        self.people.confirm(person, self.people.code_mailed_to(person))
        return person, user_id, self.people.sign_in(person).id_token


def happens(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + OUTCOME_SECONDS
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {OUTCOME_SECONDS:.0f} seconds")
        time.sleep(0.2)
    return found


# ---- what users do -------------------------------------------------------------------------------------------------------


def sign_up(world: World) -> None:
    person, _, _ = world.signed_in("Ada Lovelace")
    world.target.outbox.wait_for(recipient=person.address, subject="(?i)welcome", timeout_seconds=OUTCOME_SECONDS)


def sign_up_while_mails_are_throttled(world: World) -> None:
    person = Person(name="Grace Hopper")
    concerned = f"contains(Destination.ToAddresses, '{person.address}')"
    with world.faults.failing("ses", "SendEmail", code="Throttling", times=1, when=concerned):
        world.people.sign_up(person)
        world.people.confirm(person, world.people.code_mailed_to(person))
        world.target.outbox.wait_for(recipient=person.address, subject="(?i)welcome", timeout_seconds=OUTCOME_SECONDS)


def albums(world: World) -> None:
    _, user_id, token = world.signed_in("Dorothea Lange")
    owner = Owner(world.catalog, user_id, token)
    with opened(world, token) as browser:
        album = owner.create("Lofoten")
        changed = owner.change(album, "Lofoten, May")
        assert changed.status_code == 200, changed.text
        deleted = owner.delete(changed.json())
        assert deleted.status_code in (200, 204), deleted.text
        # EventBridge keeps no order.
        told = {browser.next_event()["type"] for _ in range(3)}
    assert told == {"AlbumCreated", "AlbumChanged", "AlbumDeleted"}, told


def uploads(world: World) -> None:
    _, user_id, token = world.signed_in("Ansel Adams")
    uploader = Uploader(world.uploads, token, user_id)
    with opened(world, token) as browser:
        form = uploader.upload(picture(size=(320, 240)))
        told = browser.next_event()
    assert (told["type"], told["data"]["picture_id"]) == ("PictureProcessed", form.picture_id), told


def clicks(world: World) -> None:
    album = unique_album()
    world.analytics.put(*[click_on(album) for _ in range(10)])
    happens(lambda: world.analytics.counted(album).get("clicks") == 10, f"the clicks on {album} are counted")


def clicks_while_counters_are_throttled(world: World) -> None:
    album = unique_album()
    concerned = f"contains(to_string(@), '{album}')"
    operations = ("TransactWriteItems", "UpdateItem")
    with world.faults.failing("dynamodb", *operations, code="ThrottlingException", times=1, when=concerned) as fault:
        world.analytics.put(*[click_on(album) for _ in range(5)])
        happens(lambda: world.analytics.counted(album).get("clicks") == 5, f"the clicks on {album} are counted")
        assert fault.struck == 1


def pushes(world: World) -> None:
    _, user_id, token = world.signed_in("Vivian Maier")
    with opened(world, token) as browser:
        assert browser.ask({"action": "ping"}) == {"type": "pong"}
        event = happening("PictureProcessed", user_id)
        world.bus.put(event.type, event.source, event.detail)
        assert browser.next_event() == event.shown


def campaigns(world: World) -> None:
    _, _, token = world.signed_in("Hedy Lamarr")
    reader = user_registered(Person(), wants_news=True)
    world.bus.put("UserRegistered", "lumen.users", reader)
    campaign_id = new_id()
    reader_id, recipients = reader["data"]["user_id"], world.target.client("dynamodb")
    asked = {"title": "Spring sale", "text": "Until Sunday.", "recipients": [reader_id]}

    def knows() -> bool:
        return "Item" in recipients.get_item(TableName=world.recipients_table, Key={"user_id": {"S": reader_id}})

    def start() -> bool:
        answer = world.campaigns.request("PUT", f"/campaigns/{campaign_id}", token=token, json=asked)
        return answer.status_code == 202

    def status() -> str:
        answer = world.campaigns.get(f"/campaigns/{campaign_id}", token=token)
        return str(answer.json().get("status")) if answer.status_code == 200 else f"HTTP {answer.status_code}"

    happens(knows, f"campaigns knows the reader {reader_id}")
    happens(start, f"the campaign {campaign_id} starts")
    happens(lambda: (world.saas.seen(campaign_id) or {}).get("webhooks"), f"the SaaS takes the campaign {campaign_id}")
    happens(lambda: world.saas.call_back(campaign_id, "done")["status"] == 200, "the callback is taken")
    happens(lambda: status() in ("completed", "failed"), f"the campaign {campaign_id} ends")


OPERATIONS: tuple[Callable[[World], None], ...] = (
    sign_up,
    sign_up_while_mails_are_throttled,
    albums,
    uploads,
    clicks,
    clicks_while_counters_are_throttled,
    pushes,
    campaigns,
)


@contextmanager
def opened(world: World, token: str) -> Iterator[Browser]:
    browser = world.browsers.open_with(token)
    try:
        answer = browser.subscribe()
        assert answer["type"] == "subscribed", answer
        yield browser
    finally:
        browser.close()


# ---- the soak ------------------------------------------------------------------------------------------------------------


def work(world: World, until: float, seed: int) -> None:
    chance = random.Random(seed)
    while time.monotonic() < until:
        operation = chance.choice(OPERATIONS)
        try:
            operation(world)
            world.done[operation.__name__] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the others continue
            world.lost.append(f"{operation.__name__}: {type(error).__name__}: {error}")
            traceback.print_exc()


def measure(world: World, process: psutil.Process, port: int, began: float) -> Sample:
    """The engine when it is idle: when the numbers of threads and handles have stopped falling."""
    deadline = time.monotonic() + REST_SECONDS
    before = (sys.maxsize, sys.maxsize)
    while time.monotonic() < deadline:
        time.sleep(6)
        now = (process.num_threads(), process.num_fds())
        if now >= before:
            break
        before = now
    connections = [c for c in process.net_connections("tcp") if c.status == psutil.CONN_ESTABLISHED]
    children = process.children(recursive=True)
    total = sum(_pss(each) for each in (process, *children))
    return Sample(
        minutes=(time.monotonic() - began) / 60,
        engine_mib=process.memory_info().rss / 2**20,
        total_mib=total / 2**20,
        threads=process.num_threads(),
        handles=process.num_fds(),
        connections=len(connections),
        to_itself=sum(c.raddr != () and c.raddr.port == port for c in connections),
        environments=max(0, len(children) - 1),
        operations=sum(world.done.values()),
    )


def _pss(process: psutil.Process) -> int:
    try:
        return int(getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def grown(samples: list[Sample]) -> list[str]:
    """What the last sample has more of than the first one after the warm-up, beyond the tolerance."""
    warm = [sample for sample in samples if sample.minutes * 60 >= WARM_SECONDS]
    if len(warm) < 2:
        return []
    first, last = warm[0], warm[-1]
    return [
        f"{name}: {getattr(first, name):.0f} after {first.minutes:.0f} minutes, {getattr(last, name):.0f} after "
        f"{last.minutes:.0f}; the tolerance is {tolerance(getattr(first, name)):.0f}"
        for name, tolerance in TOLERANCES.items()
        if getattr(last, name) > getattr(first, name) + tolerance(getattr(first, name))
    ]


def internal_errors(log: Path) -> list[str]:
    with log.open(errors="replace") as lines:
        return [line.strip() for line in lines if "InternalError" in line or "InternalFailure" in line]


def world_of(project: Project, target: Target) -> World:
    deployment = project.deploy(target)
    http = httpx.Client(timeout=60, trust_env=False)
    outputs = deployment["users"].outputs
    people = People(target, target.client("cognito-idp"), outputs["UserPoolId"], outputs["UserPoolClientId"])

    def api(stack: str) -> Api:
        return Api(http, target.rest_api_url(deployment[stack].resources["Api"].physical_id, "v1"))

    directory = project.settings.state_directory
    socket_url = target.websocket_url(deployment["push"].resources["Api"].physical_id, "v1")
    return World(
        target=target,
        people=people,
        catalog=api("catalog"),
        uploads=api("uploads"),
        campaigns=api("campaigns"),
        recipients_table=deployment["campaigns"].resources["RecipientsTable"].physical_id,
        browsers=Browsers(socket_url, people, WebSocket.open),
        analytics=Analytics(deployment, target.client),
        bus=Bus(target.client("events"), deployment["platform"].resources["EventBus"].physical_id),
        saas=MailSaas(http, _started(directory, os.getpid())["address"]),
        faults=Faults(target.harness),
    )


def soak(minutes: float, seed: int, directory: Path) -> int:
    os.environ["HARNESS_JOURNAL_MAX_BYTES"] = str(JOURNAL_BYTES)
    project = Project.load(ROOT).in_directory(directory, port=any_free_port())
    target = project.start()
    samples: list[Sample] = []
    world: World | None = None
    log = directory / "engine.log"
    try:
        world = world_of(project, target)
        process = psutil.Process(json.loads((directory / "engine.json").read_text())["pid"])
        port = int(str(target.endpoint_url).rpartition(":")[2])
        began = time.monotonic()
        samples.append(measure(world, process, port, began))
        print(HEADER, samples[-1].row(), sep="\n", flush=True)
        end, rounds = began + minutes * 60, 0
        next_sample = began + SAMPLE_SECONDS
        while time.monotonic() < end and process.is_running():
            until = min(end, time.monotonic() + ROUND_SECONDS)
            with ThreadPoolExecutor(WORKERS) as pool:
                for worker in range(WORKERS):
                    pool.submit(work, world, until, seed + rounds * WORKERS + worker)
            target.harness.reset(scope="data")
            rounds += 1
            if time.monotonic() >= min(next_sample, end):
                samples.append(measure(world, process, port, began))
                next_sample += SAMPLE_SECONDS
                print(samples[-1].row(), flush=True)
        if not process.is_running():
            world.lost.append("the engine ended")
    except KeyboardInterrupt:
        print("interrupted; what was measured so far:")
    finally:
        project.engine.stop()
    if world is None:
        return 1
    return report(samples, world, internal_errors(log), seed)


def report(samples: list[Sample], world: World, errors: list[str], seed: int) -> int:
    print("", HEADER, *(sample.row() for sample in samples), "", sep="\n")
    for name, count in sorted(world.done.items()):
        print(f"{name:<36} {count:6} done")
    growth = grown(samples)
    for title, found in (("lost", world.lost), ("InternalError in the engine's log", errors), ("grown", growth)):
        print(f"{title}: {len(found) or 'none'}")
        for each in found[:20]:
            print(f"  {each}")
    failed = bool(world.lost or errors or growth)
    if failed:
        print(f"To do the same again: make soak MINUTES={samples[-1].minutes:.0f} SEED={seed}")
    return int(failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        code = soak(arguments.minutes, arguments.seed, Path(folder))
    # Threads of clients must not keep the program.
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
