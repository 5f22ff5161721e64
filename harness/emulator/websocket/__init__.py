"""API Gateway's WebSocket APIs: the control plane, the connections, and the way back to them (`@connections`).

- `apis` keeps what is declared; `operations` are the control plane's API, `declared` says what of it is served here
- `gateway` takes connections and messages to the integrations (`integrations`, `authorizer`, `events`, `route_selection`)
- `connections` are those that are open; `management` is the API behind `@connections`
- `journal` writes all of it down

The package knows functions by Lambda's API, and nothing of REST APIs but how their authorizers' answers are judged.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html
"""
