"""What AWS refuses of a request before a service looks at it: what cannot be parsed, and what breaks a constraint of the
service's model. It knows no service's semantics; if a service has other messages, a row of a table has them."""
