"""Completes LocalStack's resource types of SNS: changes in place, and properties that a creation ignores."""

from copy import deepcopy

from harness.emulator.cloudformation.in_place import put_again
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _topic_policy(update: Update) -> None:
    if dropped := set(update.before["Topics"]) - set(update.after["Topics"]):
        update.request.desired_state = {**deepcopy(update.before), "Topics": sorted(dropped)}
        update.provider.delete(update.request)
    put_again(update)


TYPES = (
    KnownType("AWS::SNS::Subscription", ignored={"ReplayPolicy": (), "SubscriptionRoleArn": ()}),
    KnownType("AWS::SNS::Topic", ignored={"DataProtectionPolicy": (), "DeliveryStatusLogging": ([],)}),
    KnownType("AWS::SNS::TopicPolicy", change=TypeUpdate(_topic_policy)),
)
