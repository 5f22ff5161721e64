"""AWS X-Ray: keeps the segments that are sent, and makes traces, summaries and the service graph of them.

moto keeps raw segments and guesses summaries, so nothing goes there. `segments`, `traces`, `annotations`, `filter_expressions`,
`matching`, `graph`, `summaries` and `pages` are functions of data; `state` keeps traces and `provider` speaks AWS's API.
"""
