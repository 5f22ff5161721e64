"""Runs Lambda functions as processes of this machine: the `process` executor.

LocalStack keeps the functions, their versions and their concurrency, and asks an executor for execution environments.
This one starts a process for each, serves AWS's Runtime API to it and lets AWS's own runtime client run the handler.
It knows nothing of who invokes.

Settings, environment variables of the engine:

- `HARNESS_LAMBDA_PYTHONS`: where to look for interpreters first; paths of folders or programs, separated like PATH
- `HARNESS_LAMBDA_CACHE`: where the packages of interpreters are kept (default: `serverless-harness/lambda-runtimes`
  in XDG_CACHE_HOME or `~/.cache`)

What differs from AWS:

- There is no /opt and no /var/task: layers and code are folders of this machine, found by PATH, PYTHONPATH, NODE_PATH
  and LAMBDA_TASK_ROOT; tracebacks and logs name /var/task. The code's folder can be written to; a function must not.
- /tmp is the machine's; TMPDIR, which `tempfile` and most programs follow, is private to the environment.
- Between events an environment is not frozen: its threads continue, and what they write is in the log
  of the next event.
- Memory is watched ten times a second, not limited by the system, and a process does not get less CPU for less
  memory.
- Wrapper scripts (AWS_LAMBDA_EXEC_WRAPPER) and extensions are not run; the log of the engine warns of a wrapper.
- AWS's Node.js runtime brings the SDK for JavaScript v3; here it must be in the function's or a layer's node_modules.
"""
