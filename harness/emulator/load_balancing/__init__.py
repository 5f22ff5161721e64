"""Application Load Balancers whose targets are Lambda functions.

moto keeps what is declared; `provider` gives its operations AWS's checks and refuses what is not served here. `front_door`
answers requests on the gateway's port: `rules` choose, `actions` answer, `event` and `answer` are the contract with the
function (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html). The package knows
functions by Lambda's API, and whom they permit by `harness.emulator.access`.
"""
