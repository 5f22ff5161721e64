"""Deploys templates as stacks: read, compare, check, build, upload, deploy."""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.deploy.artifacts import ADDRESSES, python_runtimes, write_addresses
from harness.deploy.change_set import StackEvent, StackFailedError, stack_client
from harness.deploy.deployment import (
    RUNNING,
    DeployedStack,
    Deployment,
    Withheld,
    deployment_of,
    find_stack,
    is_pretence,
    read_stack,
    speaking_to,
    stack_name_of,
    tags_of,
)
from harness.deploy.events import DeployEvent, Reporter, ignore
from harness.deploy.interpreters import Interpreters, harness_answer
from harness.deploy.lint import Lint
from harness.deploy.packages import Packer, Recipe
from harness.deploy.plan import StackPlan, circle, dependencies, plan_stack
from harness.deploy.preflight import (
    Ignored,
    export_problems,
    handler_problems,
    ignored_problems,
    import_problems,
    order_problems,
    origin_of,
    owner_problems,
    parameter_problems,
    reference_problems,
    set_problems,
    type_problems,
)
from harness.deploy.services import withhold
from harness.deploy.sources import Sources
from harness.deploy.upload import ArtifactBucket
from harness.engine import Target
from harness.errors import DeployError, PreflightError, StackFailure, TemplateError, TemplateProblem
from harness.topology import Location, Template

DIGEST_TAG = "harness:digest"
SAM_TRANSFORM = "AWS::Serverless-2016-10-31"

# The largest template body, in bytes, that is sent in the request and not read from S3
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
_TEMPLATE_BODY_LIMIT = 51_200
_STACKS_AT_ONCE = 4
_BUILDS_AT_ONCE = 4


def deploy(
    target: Target,
    templates: Sequence[Template],
    *,
    parameters: Mapping[str, Mapping[str, str]] | None = None,
    work_directory: Path,
    on_event: Callable[[DeployEvent], None] = ignore,
    stack_prefix: str = "",
    tags: Mapping[str, str] | None = None,
    lacking: Mapping[str, str] | None = None,
    force: bool = False,
    accept_ignored: Collection[str] = (),
) -> Deployment:
    """Create and update the stacks of these templates on the target.

    `parameters` are CloudFormation parameters by the template's stack name. Packages and cfn-lint's results are cached in
    `work_directory`. `stack_prefix` goes before each stack's name on the target. A stack whose template, code and
    parameters have not changed since its last deployment is skipped. With `force` it is built and submitted anyway, and
    CloudFormation decides what changes.

    `tags` are set on every stack, and CloudFormation copies them to the resources
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html). Changed tags are a
    change of the stack. On a shared target (`target.deployment`), a stack with one of our names and without these tags
    belongs to another deployment, and is reported as a problem.

    `lacking` maps each AWS service that the target does not support, by boto3's name, to the target's response. Stacks that
    need such a service, or import from a stack that does, are skipped, and the deployment gives the reason.

    `accept_ignored` names properties that templates may declare although they have no effect on the target.

    Raises PreflightError with every problem found, before anything is deployed; DeployError when a build or a stack
    fails. Stacks that do not depend on the failed one are still deployed, and stay.
    """
    command = _Deploy(
        target,
        templates,
        parameters or {},
        work_directory,
        Reporter(on_event),
        stack_prefix,
        tags or {},
        lacking or {},
        force,
        accept_ignored,
    )
    with speaking_to(target):
        return command.run()


def warm_up(templates: Sequence[Template], *, work_directory: Path, region: str) -> list[str]:
    """Do the work that needs no target: check the templates with cfn-lint, load AWS's translator.

    For a caller that waits for its target in the meantime; `deploy` finds the results in `work_directory`. Returns the
    types of the templates' resources, so that the target can load their services early. Problems are not reported here;
    `deploy` reports them.
    """
    with contextlib.suppress(DeployError, TemplateError, OSError):
        lint = Lint([template.path for template in templates], work_directory / "lint", region)
        types = dict.fromkeys(resource["Type"] for template in templates for resource in template.resources.values())
        import_module("harness.deploy.sam")
        lint.findings()
        return list(types)
    return []


def delete(
    target: Target,
    templates: Sequence[Template],
    *,
    on_event: Callable[[DeployEvent], None] = ignore,
    stack_prefix: str = "",
) -> tuple[str, ...]:
    """Delete the stacks of these templates, importers before exporters; returns the names of the deleted stacks.

    Raises DeployError for the first stack that cannot be deleted, and PreflightError for a TemplateError.
    """
    with speaking_to(target):
        return _delete(target, templates, Reporter(on_event), stack_prefix)


def _delete(target: Target, templates: Sequence[Template], reporter: Reporter, stack_prefix: str) -> tuple[str, ...]:
    client = target.client("cloudformation")
    found = {template.stack: find_stack(client, stack_prefix + template.stack) for template in templates}
    # The values that the stacks were deployed with: the names of imports may depend on them.
    given = {
        name: {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", []) if "ParameterValue" in p}
        for name, stack in found.items()
        if stack is not None
    }
    plans = _read(target, templates, given, None, stack_prefix)
    needs = dependencies(plans)
    order = list(TopologicalSorter(needs).static_order()) if circle(needs) is None else [plan.name for plan in plans]
    by_name = {plan.name: plan for plan in plans}
    deleted: list[str] = []
    for name in reversed(order):
        plan = by_name[name]
        reporter.tell(name, "delete", "deleting")
        try:
            if stack_client(target, client, lambda _event: None).delete(plan.stack_name):
                deleted.append(name)
        except StackFailedError as error:
            raise _failed([_failure(plan, error)]) from error
        reporter.tell(name, "done", "deleted")
    return tuple(deleted)


def _read(
    target: Target,
    templates: Sequence[Template],
    parameters: Mapping[str, Mapping[str, str]],
    packer: Packer | None,
    stack_prefix: str,
) -> list[StackPlan]:
    """Plans of all templates. Raises PreflightError with every template that cannot be read."""
    problems = set_problems(templates, parameters)
    plans: list[StackPlan] = []
    for template in templates:
        try:
            plans.append(
                plan_stack(
                    template,
                    target=target,
                    given=parameters.get(template.stack, {}),
                    stack_name=stack_prefix + template.stack,
                    packer=packer,
                )
            )
        except TemplateError as error:
            message = error.problem + (f"\n{error.excerpt}" if error.excerpt else "")
            problems.append(TemplateProblem(error.file, error.line, None, message))
    if problems:
        raise PreflightError(problems)
    return plans


@dataclass(frozen=True, slots=True)
class _KnownTypes:
    """The resource types that a target supports, and their properties that have no effect there."""

    names: frozenset[str]
    ignored: Ignored


@dataclass(frozen=True)
class _Deploy:
    """One run of `deploy`; its steps are methods, in the order of the file."""

    target: Target
    templates: Sequence[Template]
    parameters: Mapping[str, Mapping[str, str]]
    work_directory: Path
    reporter: Reporter
    stack_prefix: str
    tags: Mapping[str, str]
    lacking: Mapping[str, str]
    force: bool
    accept_ignored: Collection[str]

    def run(self) -> Deployment:
        sources = Sources()
        interpreters = Interpreters(self.target)
        packer = Packer(self.work_directory / "builds", sources, interpreters, rebuild=self.force)
        plans, withheld = withhold(
            _read(self.target, self.templates, self.parameters, packer, self.stack_prefix),
            self.lacking,
            self.target.address,
        )
        for name, lack in withheld.items():
            self.reporter.tell(name, "warning", lack.reason.removeprefix(f"{name} is "))
        for number, plan in enumerate(plans, 1):
            self.reporter.tell(plan.name, "read", f"{plan.template.path}", finished=number, total=len(plans))
        self._prepare_interpreters(plans, interpreters)
        problems = [p for plan in plans for p in (*plan.problems(), *parameter_problems(plan))] + [
            *order_problems(plans)
        ]
        # It takes the longest, so it starts first; it starts nothing for files with a cached result.
        lint = self._start_lint(plans)
        try:
            client = self.target.client("cloudformation")
            with ThreadPoolExecutor(max_workers=_STACKS_AT_ONCE) as pool:
                found = pool.map(lambda plan: find_stack(client, plan.stack_name), plans)
                running = dict(zip((plan.name for plan in plans), found, strict=True))
            changed = [plan for plan in plans if self.force or self._has_changed(plan, running[plan.name])]
            if self.target.deployment is not None:
                problems += owner_problems(changed, running, self.tags)
            statuses: dict[str, str] = {}
            if changed or problems:
                bodies = self._prepare(changed, plans, sources, client, problems, lint, packer)
                statuses = self._deploy_all(plans, bodies, client, self._bucket() if changed else None)
        finally:
            lint.stop()
        return self._describe(plans, statuses, running, client, withheld)

    def _prepare_interpreters(self, plans: Sequence[StackPlan], interpreters: Interpreters) -> None:
        """Install missing packages for the functions' Pythons, and report functions that run on another Python."""
        users: dict[str, tuple[str, str]] = {}
        for plan in plans:
            for part in plan.with_nested():
                for logical_id, runtime in python_runtimes(part.template, part.scope):
                    users.setdefault(runtime, (plan.name, logical_id))
        for runtime, (stack, logical_id) in users.items():
            if warning := interpreters.of(runtime, "x86_64").warning:
                self.reporter.tell(stack, "warning", warning, resource=logical_id)

    def _has_changed(self, plan: StackPlan, stack: Mapping[str, Any] | None) -> bool:
        return _digest_of(stack) != plan.digest or stack is None or not self.tags.items() <= tags_of(stack).items()

    def _bucket(self) -> ArtifactBucket:
        return ArtifactBucket(self.target, self.tags)

    def _start_lint(self, plans: Sequence[StackPlan]) -> Lint:
        files = dict.fromkeys(part.template.path for plan in plans for part in plan.with_nested())
        return Lint(list(files), self.work_directory / "lint", self.target.region)

    def _prepare(
        self,
        changed: Sequence[StackPlan],
        plans: Sequence[StackPlan],
        sources: Sources,
        client: Any,
        problems: list[TemplateProblem],
        lint: Lint,
        packer: Packer,
    ) -> dict[str, str]:
        """Check and build the changed stacks; returns their transformed templates by name. cfn-lint runs in the meantime."""
        self.reporter.tell("", "preflight", "checking the templates", total=len(changed))
        bucket = self._bucket()
        known = self._known_types()
        exported = self._exported(plans, client, changed, problems)
        bodies: dict[str, str] = {}
        uploads: dict[str, str] = {}
        for plan in changed:
            problems += import_problems(plan, exported)
            body = self._transform(plan, sources, known, bucket, problems, uploads)
            if body is not None:
                bodies[plan.name] = body
        if not problems:
            files = self._build(changed, packer)
        problems += self._lint_problems(lint, changed, problems)
        if problems:
            raise PreflightError(problems)
        uploaded = bucket.upload(files)
        for key, body in uploads.items():
            bucket.put_template(key, body)
        if files:
            message = f"{uploaded} of {len(files)} packages were new to the bucket {bucket.name}"
            self.reporter.tell("", "upload", message, finished=uploaded, total=len(files))
        return bodies

    def _known_types(self) -> "_KnownTypes | None":
        answer = harness_answer(self.target, "/cloudformation/types")
        types = answer.get("types") if answer else None
        if not isinstance(types, list):
            message = "the target does not tell which resource types it knows; types are not checked before deployment"
            self.reporter.tell("", "warning", message)
            return None
        ignored = answer.get("ignored") if answer else None
        return _KnownTypes(frozenset(map(str, types)), ignored if isinstance(ignored, dict) else {})

    def _exported(
        self, plans: Sequence[StackPlan], client: Any, changed: Sequence[StackPlan], problems: list[TemplateProblem]
    ) -> set[str]:
        """Names that can be imported once the set is deployed. A name that another stack exports already is a problem."""
        exported = {name for plan in plans for part in plan.with_nested() for name in part.exports}
        for plan in changed:
            for part in plan.with_nested():
                for location in (*part.open_imports, *part.open_exports):
                    place = f"{part.template.path}:{part.template.line(*location)}"
                    message = f"{place}: this export's name is known only after deployment; it is not checked"
                    self.reporter.tell(plan.name, "warning", message)
        there: dict[str, str] = {}
        if any(part.exports or part.imports for plan in changed for part in plan.with_nested()):
            for page in client.get_paginator("list_exports").paginate():
                there |= {export["Name"]: stack_name_of(export["ExportingStackId"]) for export in page["Exports"]}
        problems += export_problems(plans, changed, there)
        return exported | there.keys()

    def _transform(
        self,
        plan: StackPlan,
        sources: Sources,
        known_types: "_KnownTypes | None",
        bucket: ArtifactBucket,
        problems: list[TemplateProblem],
        uploads: dict[str, str],
    ) -> str | None:
        """The template for the target, with addresses instead of local paths; None if that is not possible."""
        problems += handler_problems(plan, sources)
        places: dict[Location, Any] = {}
        for artifact in plan.parts.artifacts:
            key = plan.packages[artifact.location]
            places[artifact.location] = ADDRESSES[artifact.address](bucket.name, key, bucket.url(key))
        for location, nested in plan.nested.items():
            body = self._transform(nested, sources, known_types, bucket, problems, uploads)
            if body is not None:
                key = hashlib.sha256(body.encode()).hexdigest()[:40] + ".template.json"
                uploads[key] = body
                places[location] = bucket.url(key)
        write_addresses(plan.parts.body, places)
        result: dict[str, Any] | None = plan.parts.body
        if SAM_TRANSFORM in plan.template.transforms:
            # Imported only here: the translator takes half a second, and an unchanged stack does not need it.
            from harness.deploy.sam import TransformError, transform

            try:
                result = transform(
                    plan.parts.body,
                    plan.template,
                    plan.scope.parameters,
                    self.target.session,
                    asks_aws=self.target.is_aws,
                )
            except TransformError as error:
                problems += error.problems
                result = None
        problems += reference_problems(plan.template, result["Resources"] if result else ())
        if result is None:
            return None
        if known_types is not None:
            problems += type_problems(plan, result, known_types.names)
            problems += ignored_problems(plan, result, known_types.ignored, self.accept_ignored)
        return json.dumps(result, separators=(",", ":"))

    def _build(self, plans: Sequence[StackPlan], packer: Packer) -> list[Path]:
        """Build every missing package. Raises DeployError with the first one that cannot be built."""
        recipes: dict[str, tuple[str, str, Recipe]] = {}
        for plan in plans:
            for part in plan.with_nested():
                for artifact in part.parts.artifacts:
                    name = part.packages[artifact.location]
                    recipes.setdefault(name, (plan.name, artifact.logical_id, artifact.recipe))
        files: list[Path] = []
        with ThreadPoolExecutor(max_workers=_BUILDS_AT_ONCE) as pool:
            builds = {pool.submit(packer.build, recipe): key for key, (_, _, recipe) in recipes.items()}
            for build, key in builds.items():
                file, new = build.result()
                files.append(file)
                stack, logical_id, _ = recipes[key]
                message = f"{logical_id} {'built' if new else 'is built already'}"
                self.reporter.tell(
                    stack, "build", message, resource=logical_id, finished=len(files), total=len(recipes)
                )
        return files

    def _lint_problems(
        self, lint: Lint, plans: Sequence[StackPlan], found: Sequence[TemplateProblem]
    ) -> list[TemplateProblem]:
        """cfn-lint's errors, except on lines that already have a problem: that one has a hint."""
        problems: list[TemplateProblem] = []
        taken = {(problem.template, problem.line) for problem in found}
        stacks = {part.template.path: plan.name for plan in plans for part in plan.with_nested()}
        for finding in lint.findings():
            if finding.file not in stacks:
                continue
            if finding.level != "Error":
                message = f"{finding.file}:{finding.line}: {finding.message} ({finding.rule})"
                self.reporter.tell(stacks[finding.file], "warning", message, resource=finding.resource)
            # E0001: the translator's error, which the harness reports already with the line of the resource.
            elif (finding.file, finding.line) not in taken and not (finding.rule == "E0001" and found):
                message = f"{finding.message} (cfn-lint {finding.rule})"
                problems.append(TemplateProblem(finding.file, finding.line, finding.resource, message))
        return problems

    def _deploy_all(
        self, plans: Sequence[StackPlan], bodies: Mapping[str, str], client: Any, bucket: ArtifactBucket | None
    ) -> dict[str, str]:
        """Deploy in the order of exports, independent stacks in parallel; returns the status of each stack by name."""
        by_name = {plan.name: plan for plan in plans}
        needs = dependencies(plans)
        order = TopologicalSorter(needs)
        order.prepare()
        statuses: dict[str, str] = {}
        failures: list[StackFailure] = []
        with ThreadPoolExecutor(max_workers=_STACKS_AT_ONCE) as pool:
            working: dict[Future[str], str] = {}
            while order.is_active():
                for name in order.get_ready():
                    if name not in bodies:
                        order.done(name)
                        continue
                    working[pool.submit(self._deploy_one, by_name[name], bodies[name], client, bucket)] = name
                if not working:
                    if failures:
                        break
                    continue
                finished, _ = wait(working, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = working.pop(future)
                    try:
                        statuses[name] = future.result()
                        order.done(name)
                    except StackFailedError as error:
                        failure = _failure(by_name[name], error)
                        failures.append(failure)
                        self.reporter.tell(name, "failed", str(failure), resource=failure.logical_id)
        if failures:
            waiting = [name for name in bodies if name not in statuses and name not in {f.stack for f in failures}]
            raise _failed(failures, waiting)
        return statuses

    def _deploy_one(self, plan: StackPlan, body: str, client: Any, bucket: ArtifactBucket | None) -> str:
        total = len(json.loads(body)["Resources"])
        finished: set[str] = set()

        def tell(event: StackEvent) -> None:
            if event.about_the_stack:
                return
            if event.status.endswith("_COMPLETE"):
                finished.add(event.logical_id)
            progress = {"finished": min(len(finished), total), "total": total}
            self.reporter.tell(
                plan.name, "deploy", event.type, resource=event.logical_id, status=event.status, **progress
            )
            if is_pretence(event.reason):
                origin = origin_of(plan.template, event.logical_id)
                line = plan.template.line("Resources", *([origin] if origin else []))
                message = f"{plan.template.path}:{line}: the target only pretends to have {event.type}: {event.reason}"
                self.reporter.tell(plan.name, "warning", message, resource=event.logical_id)

        self.reporter.tell(plan.name, "deploy", "submitting", total=total)
        template = {"TemplateBody": body}
        if len(body.encode()) > _TEMPLATE_BODY_LIMIT and bucket is not None:
            key = hashlib.sha256(body.encode()).hexdigest()[:40] + ".template.json"
            template = {"TemplateURL": bucket.put_template(key, body)}
        tags = {**self.tags, DIGEST_TAG: plan.digest}
        status = stack_client(self.target, client, tell).apply(
            # A stack keeps the names of its change sets, and with `force` or changed tags the same digest occurs again.
            plan.stack_name,
            template,
            plan.given,
            tags,
            f"harness-{plan.digest}-{secrets.token_hex(4)}",
        )
        self.reporter.tell(plan.name, "done", status, finished=total, total=total)
        return status

    def _describe(
        self,
        plans: Sequence[StackPlan],
        statuses: Mapping[str, str],
        running: Mapping[str, Any],
        client: Any,
        withheld: Mapping[str, Withheld],
    ) -> Deployment:
        def read(plan: StackPlan) -> DeployedStack:
            status = statuses.get(plan.name)
            if status is None:
                self.reporter.tell(plan.name, "unchanged", "unchanged")
            found = running[plan.name] if status is None else find_stack(client, plan.stack_name)
            if found is None:
                raise DeployError(f"The stack {plan.stack_name} was deleted on the target while it was deployed.")
            return read_stack(client, found, plan.name, status or "unchanged")

        with ThreadPoolExecutor(max_workers=_STACKS_AT_ONCE) as pool:
            return deployment_of(list(pool.map(read, plans)), withheld=withheld)


def _digest_of(stack: Mapping[str, Any] | None) -> str | None:
    """The digest of the stack's last deployment; None if the stack is not in the state that this deployment left."""
    if stack is None or stack["StackStatus"] not in RUNNING or stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE":
        return None
    return tags_of(stack).get(DIGEST_TAG)


def _failure(plan: StackPlan, error: StackFailedError) -> StackFailure:
    event = error.event
    if event is None:
        return StackFailure(plan.name, None, None, error.reason, plan.template.path, plan.template.line("Resources"))
    origin = origin_of(plan.template, event.logical_id)
    made = f" (SAM makes {event.logical_id} of it)" if origin and origin != event.logical_id else ""
    line = plan.template.line("Resources", *([origin] if origin else []))
    return StackFailure(
        plan.name, origin or event.logical_id, event.type + made, error.reason, plan.template.path, line
    )


def _failed(failures: Sequence[StackFailure], waiting: Sequence[str] = ()) -> DeployError:
    lines = [str(failure) for failure in failures]
    if waiting:
        lines.append(f"Not deployed, because they need a failed stack: {', '.join(sorted(waiting))}.")
    return DeployError("\n".join(lines), failures=failures)
