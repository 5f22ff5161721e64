"""What the entry points `localstack.cloudformation.resource_providers` refer to: one plugin for each row.

A new type needs a row beside its service's, a name here, and a line in pyproject.toml.
"""

from harness.emulator.cloudformation import cognito, events, load_balancing, networks, ses, websocket
from harness.emulator.cloudformation.provider import plugin_of

archive = plugin_of(events.ARCHIVE)
email_identity = plugin_of(ses.EMAIL_IDENTITY)
identity_pool = plugin_of(cognito.IDENTITY_POOL)
identity_pool_role_attachment = plugin_of(cognito.IDENTITY_POOL_ROLE_ATTACHMENT)
listener = plugin_of(load_balancing.LISTENER)
listener_rule = plugin_of(load_balancing.LISTENER_RULE)
load_balancer = plugin_of(load_balancing.LOAD_BALANCER)
security_group = plugin_of(networks.SECURITY_GROUP)
target_group = plugin_of(load_balancing.TARGET_GROUP)
user_pool = plugin_of(cognito.USER_POOL)
user_pool_client = plugin_of(cognito.USER_POOL_CLIENT)
user_pool_domain = plugin_of(cognito.USER_POOL_DOMAIN)
user_pool_group = plugin_of(cognito.USER_POOL_GROUP)
user_pool_identity_provider = plugin_of(cognito.USER_POOL_IDENTITY_PROVIDER)
user_pool_resource_server = plugin_of(cognito.USER_POOL_RESOURCE_SERVER)
user_pool_user = plugin_of(cognito.USER_POOL_USER)
user_to_group = plugin_of(cognito.USER_TO_GROUP)
websocket_api = plugin_of(websocket.API)
websocket_authorizer = plugin_of(websocket.AUTHORIZER)
websocket_deployment = plugin_of(websocket.DEPLOYMENT)
websocket_integration = plugin_of(websocket.INTEGRATION)
websocket_integration_response = plugin_of(websocket.INTEGRATION_RESPONSE)
websocket_model = plugin_of(websocket.MODEL)
websocket_route = plugin_of(websocket.ROUTE)
websocket_route_response = plugin_of(websocket.ROUTE_RESPONSE)
websocket_stage = plugin_of(websocket.STAGE)
