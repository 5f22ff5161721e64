"""Puts the emulator's parts into LocalStack while it boots, in the order that must hold."""

import logging

from localstack.runtime import hooks

from harness.emulator import (
    cloudformation_pace,
    connections,
    control_api,
    delays,
    engine_log,
    event_archive,
    event_rules,
    faults,
    fifo_dead_letters,
    garbage,
    idle_threads,
    internal_calls,
    kms_source_keys,
    listen_address,
    log_groups,
    log_subscriptions,
    moto_protocols,
    object_storage,
    outbox_capture,
    service_loading,
    service_metrics,
    services,
    shared_clients,
    state_errors,
    subscription_links,
    task_tokens,
    time_to_live,
    visibility_timeout,
)
from harness.emulator.access import enforcement, queue_urls
from harness.emulator.apigateway import (
    api_keys,
    authorization,
    gateway_responses,
    integration_timeout,
    lambda_proxy,
    openapi_import,
    request_validation,
)
from harness.emulator.bounded import documents
from harness.emulator.bounded import installation as bounded
from harness.emulator.cloudformation import (
    addresses,
    custom_resource,
    stack_resources,
    stack_updates,
    streams,
    supported_types,
    template_text,
)
from harness.emulator.cognito import endpoints as cognito_endpoints
from harness.emulator.cognito import hosted_ui as cognito_hosted_ui
from harness.emulator.concurrency import installation as concurrency
from harness.emulator.door import installation as door
from harness.emulator.event_sources import arrivals, record_age, validation, worker
from harness.emulator.journal import (
    access_decisions,
    alarms,
    asynchronous_invocations,
    authorizers,
    batches,
    batching_windows,
    calls,
    causes,
    event_bus,
    executions,
    function_logs,
    object_events,
    queues,
    requests,
    sent_messages,
    signed_urls,
    stream_records,
    topics,
    work,
)
from harness.emulator.journal import api as journal_api
from harness.emulator.lambda_ import (
    asynchronous,
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
from harness.emulator.outbound import declared, installers
from harness.emulator.peers import users
from harness.emulator.s3 import header_signature, signed_forms
from harness.emulator.s3 import notifications as s3_notifications
from harness.emulator.s3 import pages as s3_pages
from harness.emulator.schedules import clock, scheduler
from harness.emulator.stepfunctions import api_gateway as states_api_gateway
from harness.emulator.stepfunctions import choices, definitions, jsonata, map_runs, service_errors
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
    # After the front doors' records: it goes before them in the chain.
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
