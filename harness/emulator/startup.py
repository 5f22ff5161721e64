"""Installs the emulator's parts in LocalStack while it boots, in the order that must hold."""

import logging

from localstack.runtime import hooks

from harness.emulator import services
from harness.emulator.access import enforcement
from harness.emulator.access import journal as access_decisions
from harness.emulator.apigateway import (
    api_keys,
    authorization,
    gateway_responses,
    integration_timeout,
    lambda_proxy,
    openapi_import,
    request_validation,
)
from harness.emulator.apigateway import journal as authorizers
from harness.emulator.bounded import documents
from harness.emulator.bounded import installation as bounded
from harness.emulator.cloudformation import (
    addresses,
    custom_resource,
    stack_resources,
    stack_updates,
    supported_types,
    template_text,
)
from harness.emulator.cloudformation import pace as cloudformation_pace
from harness.emulator.cloudwatch import alarm_actions, service_metrics
from harness.emulator.cloudwatch import journal as alarms
from harness.emulator.cognito import endpoints as cognito_endpoints
from harness.emulator.cognito import hosted_ui as cognito_hosted_ui
from harness.emulator.concurrency import installation as concurrency
from harness.emulator.control_api import routes as control_api
from harness.emulator.controls import delays, faults, record_age
from harness.emulator.door import installation as door
from harness.emulator.dynamodb import journal as stream_records
from harness.emulator.dynamodb import time_to_live
from harness.emulator.event_sources import arrivals, batching_windows, validation, worker
from harness.emulator.event_sources import journal as batches
from harness.emulator.events import archive as event_archive
from harness.emulator.events import journal as event_bus
from harness.emulator.events import rules as event_rules
from harness.emulator.host import (
    connections,
    garbage,
    idle_threads,
    internal_calls,
    listen_address,
    service_loading,
    shared_clients,
)
from harness.emulator.journal import api as journal_api
from harness.emulator.journal import calls, causes, engine_log, requests, work
from harness.emulator.kinesis import resource_types as streams
from harness.emulator.kms import source_keys as kms_source_keys
from harness.emulator.lambda_ import (
    asynchronous,
    asynchronous_invocations,
    creation,
    executor,
    function_urls,
    idle_environments,
    invocation_metadata,
    layer_listing,
    log_delivery,
    packages,
)
from harness.emulator.load_balancing import front_door as load_balancers
from harness.emulator.logs import groups as log_groups
from harness.emulator.logs import journal as function_logs
from harness.emulator.logs import subscriptions as log_subscriptions
from harness.emulator.moto import protocols as moto_protocols
from harness.emulator.outbound import declared, installers
from harness.emulator.peers import users
from harness.emulator.s3 import header_signature, signed_forms, signed_urls
from harness.emulator.s3 import journal as object_events
from harness.emulator.s3 import notifications as s3_notifications
from harness.emulator.s3 import pages as s3_pages
from harness.emulator.s3 import storage as object_storage
from harness.emulator.scheduler import runs as scheduler
from harness.emulator.schedules import clock
from harness.emulator.ses import journal as sent_messages
from harness.emulator.ses import outbox_capture
from harness.emulator.sns import journal as topics
from harness.emulator.sns import subscription_links
from harness.emulator.sqs import fifo_dead_letters, queue_urls, visibility_timeout
from harness.emulator.sqs import journal as queues
from harness.emulator.ssm import parameter_store
from harness.emulator.stepfunctions import api_gateway as states_api_gateway
from harness.emulator.stepfunctions import (
    choices,
    definitions,
    jsonata,
    map_runs,
    service_errors,
    state_errors,
    task_tokens,
)
from harness.emulator.stepfunctions import journal as executions
from harness.emulator.validation import member_rules, request_constraints, unreadable_requests
from harness.emulator.websocket import installation as websocket

LOG = logging.getLogger(__name__)

PARTS = (
    # First: it shows what goes wrong in the others.
    engine_log.install,
    bounded.install,
    listen_address.install,
    users.install,
    connections.install,
    idle_threads.install,
    garbage.install,
    internal_calls.install,
    shared_clients.install,
    object_storage.install,
    service_loading.install,
    installers.install,
    declared.install,
    # Before any service loads: its operations and its store are completed on the way.
    concurrency.install,
    causes.install,
    work.install,
    requests.install,
    # Its requests are recorded first, and nothing else of the engine's chain is for them.
    load_balancers.install,
    function_urls.install,
    layer_listing.install,
    journal_api.install,
    # Who calls is known before it is asked whether they may.
    header_signature.install,
    signed_forms.install,
    s3_pages.install,
    subscription_links.install,
    # IAM asks about resources by their names, so names are names by then.
    unreadable_requests.install,
    request_constraints.install,
    member_rules.install,
    stack_resources.install,
    moto_protocols.install,
    services.install_access,
    services.install_resets,
    # A call that is denied meets no fault.
    enforcement.install,
    queue_urls.install,
    documents.install,
    faults.install,
    outbox_capture.install,
    event_archive.install,
    event_rules.install,
    clock.install,
    scheduler.install,
    cognito_endpoints.install,
    cognito_hosted_ui.install,
    supported_types.install,
    addresses.install,
    template_text.install,
    stack_updates.install,
    custom_resource.install,
    services.install_types,
    streams.install,
    log_subscriptions.install,
    log_groups.install,
    parameter_store.install,
    alarm_actions.install,
    service_metrics.install,
    time_to_live.install,
    visibility_timeout.install,
    state_errors.install,
    task_tokens.install,
    choices.install,
    definitions.install,
    jsonata.install,
    map_runs.install,
    service_errors.install,
    states_api_gateway.install,
    kms_source_keys.install,
    fifo_dead_letters.install,
    authorization.install,
    api_keys.install,
    gateway_responses.install,
    openapi_import.install,
    lambda_proxy.install,
    integration_timeout.install,
    request_validation.install,
    # After the records of entry points: it goes before them in the chain.
    websocket.install,
    executor.install,
    idle_environments.install,
    log_delivery.install,
    creation.install,
    packages.install,
    invocation_metadata.install,
    asynchronous.install,
    cloudformation_pace.install,
    delays.install,
    arrivals.install,
    worker.install,
    record_age.install,
    validation.install,
    s3_notifications.install,
    # After what they record is completed.
    access_decisions.install,
    alarms.install,
    asynchronous_invocations.install,
    authorizers.install,
    batches.install,
    batching_windows.install,
    event_bus.install,
    executions.install,
    function_logs.install,
    object_events.install,
    queues.install,
    sent_messages.install,
    signed_urls.install,
    stream_records.install,
    topics.install,
    # After whatever else handles calls: it records them first.
    calls.install,
    signed_forms.install_names,
    # Before them all, and so the first to know the operation.
    door.install_second,
    # Last: `/_harness/ready` answers only when every other part is in place.
    control_api.install,
)


@hooks.on_infra_start()
def install() -> None:
    """LocalStack logs a hook that raises and boots on; `harness.engine` sees it by the missing `/_harness/ready`."""
    for part in PARTS:
        try:
            part()
        except Exception:
            LOG.exception("the emulator's part %s could not be installed; the engine is not usable", part.__module__)
            raise
