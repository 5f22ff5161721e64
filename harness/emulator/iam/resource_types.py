"""Completes LocalStack's resource types of IAM: changes in place, and properties that a creation ignores."""

import json

from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import parameters_of, truth
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _user(update: Update) -> None:
    iam, user = update.client("iam"), update.after["UserName"]
    before, after = (
        {one["PolicyName"]: one["PolicyDocument"] for one in state.get("Policies") or ()}
        for state in (update.before, update.after)
    )
    for name in before.keys() - after.keys():
        iam.delete_user_policy(UserName=user, PolicyName=name)
    for name, document in after.items():
        text = document if isinstance(document, str) else json.dumps(document)
        iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=text)
    if update.changes("LoginProfile"):
        if update.before.get("LoginProfile"):
            iam.delete_login_profile(UserName=user)
        if profile := update.after.get("LoginProfile"):
            reset = truth(profile.get("PasswordResetRequired", False))
            iam.create_login_profile(UserName=user, Password=profile["Password"], PasswordResetRequired=reset)


def _managed_policy(update: Update) -> None:
    iam, arn = update.client("iam"), update.before["Id"]
    if update.changes("PolicyDocument"):
        document = update.after["PolicyDocument"]
        # A policy keeps five versions at most.
        versions = [one for one in iam.list_policy_versions(PolicyArn=arn)["Versions"] if not one["IsDefaultVersion"]]
        if len(versions) >= _OLD_VERSIONS:
            iam.delete_policy_version(PolicyArn=arn, VersionId=versions[-1]["VersionId"])
        text = document if isinstance(document, str) else json.dumps(document)
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    for names, kind in (("Roles", "role"), ("Users", "user"), ("Groups", "group")):
        before, after = set(update.before.get(names) or ()), set(update.after.get(names) or ())
        for one in before - after:
            getattr(iam, f"detach_{kind}_policy")(**{f"{kind.title()}Name": one, "PolicyArn": arn})
        for one in after - before:
            getattr(iam, f"attach_{kind}_policy")(**{f"{kind.title()}Name": one, "PolicyArn": arn})


_OLD_VERSIONS = 4


TYPES = (
    KnownType(
        "AWS::IAM::ManagedPolicy",
        change=TypeUpdate(
            _managed_policy,
            given=frozenset({"ManagedPolicyName", "Id"}),
            takes=frozenset({"PolicyDocument", "Roles", "Users", "Groups"}),
        ),
        parameters=parameters_of("create_policy", "Description", "Path"),
    ),
    KnownType(
        "AWS::IAM::User",
        change=TypeUpdate(
            _user,
            given=frozenset({"UserName"}),
            takes=frozenset({"LoginProfile", "Policies"}),
            completes=frozenset({"LoginProfile", "Policies"}),
        ),
    ),
)
