"""The lab: stacks with one defect each, deployed as a user's are, stimulated and explained."""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from harness.deploy import Deployment, Template, delete, deploy, describe, topology_of
from harness.engine import Target
from harness.errors import DeployError
from harness.flow import Flow
from tests.contract.lab.broken_stack import BrokenStack, Stack

DELETED_AT_ONCE = 4
Key = tuple[str, bool]
"""Its behaviour, and whether the stack is fixed."""


@dataclass(frozen=True)
class Bench:
    """The stacks of all processes of a test run, in a folder that they share: one of them deploys, the others find it
    done."""

    target: Target
    folder: Path
    prefix: str

    def deploy(self, wanted: Sequence[tuple[BrokenStack, bool]]) -> dict[Key, Stack | DeployError]:
        """Deploy these stacks at once, each broken or fixed. A stack that fails does not stop the others."""
        failed: DeployError | None = None
        with self._locked():
            templates = {(broken.behaviour, fixed): self._template(broken, fixed) for broken, fixed in wanted}
            given, prefix = list(templates.values()), self.prefix
            try:
                deployed = deploy(self.target, given, work_directory=self.folder / "work", stack_prefix=prefix)
            except DeployError as error:
                failed, deployed = error, describe(self.target, given, stack_prefix=prefix)
        stacks: dict[Key, Stack | DeployError] = {}
        for key, template in templates.items():
            found = deployed.stacks.get(template.stack)
            is_there = found is not None and found.cloudformation_status == "CREATE_COMPLETE"
            assert is_there or failed is not None
            stacks[key] = self._stack(template, deployed) if is_there else failed
        return stacks

    def _template(self, broken: BrokenStack, fixed: bool) -> Template:
        words = "".join(letter if letter.isalnum() else " " for letter in broken.behaviour.lower()).split()
        folder = self.folder / "stacks" / "-".join([*words, *(["fixed"] if fixed else [])])
        for path, text in {"template.yaml": broken.text(fixed=fixed), **broken.files}.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Template(folder / "template.yaml", folder.name)

    def _stack(self, template: Template, deployment: Deployment) -> Stack:
        own = Deployment({template.stack: deployment[template.stack]})
        topology = topology_of(self.target, [template], own)
        return Stack(self.target, own[template.stack], template.path, topology, _flow_of_no_test)

    @contextmanager
    def used(self, by: str) -> Iterator[None]:
        """The last process that uses it deletes what all have deployed."""
        user = self.folder / "users" / by
        with self._locked():
            user.parent.mkdir(exist_ok=True)
            user.touch()
        yield
        with self._locked():
            user.unlink()
            if not any(user.parent.iterdir()):
                self._delete()

    def _delete(self) -> None:
        templates = [Template(file, file.parent.name) for file in self.folder.glob("stacks/*/template.yaml")]
        with ThreadPoolExecutor(DELETED_AT_ONCE) as pool:
            for deleted in [pool.submit(delete, self.target, [t], stack_prefix=self.prefix) for t in templates]:
                deleted.result()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _flow_of_no_test() -> AbstractContextManager[Flow]:
    raise AssertionError("A flow is a test's own: take the stack from the fixture `lab`.")


@pytest.fixture(scope="session")
def bench(
    engine: Target, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[BrokenStack, bool], Stack]]:
    """`bench(broken, fixed)`: the stack. The first call deploys all stacks that this run has selected."""
    worker = getattr(request.config, "workerinput", {})
    base = tmp_path_factory.getbasetemp()
    run = str(worker.get("testrunuid", uuid4().hex))[:8]
    bench = Bench(engine, (base.parent if worker else base) / f"lab-{run}", f"lab-{run}-")
    stacks: dict[Key, Stack | DeployError] = {}

    def stack(broken: BrokenStack, fixed: bool) -> Stack:
        if not stacks:
            selected = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
            wanted = [(params["broken"], params["fixed"]) for params in selected if "broken" in params]
            stacks.update(bench.deploy(wanted))
        found = stacks[broken.behaviour, fixed]
        if isinstance(found, DeployError):
            raise found
        return found

    with bench.used(str(worker.get("workerid", "only"))):
        yield stack


@pytest.fixture
def lab(
    flow: Callable[..., AbstractContextManager[Flow]], bench: Callable[[BrokenStack, bool], Stack]
) -> Callable[..., Stack]:
    """`lab(broken)`, `lab(broken, fixed=True)`: the deployed stack, with flows of this test."""

    def stack(broken: BrokenStack, *, fixed: bool = False) -> Stack:
        found = bench(broken, fixed)
        return replace(found, flow=lambda: flow(lambda: found.topology))

    return stack
