// Runs a nodejs Lambda function: asks the Runtime API for events and gives them to the handler.
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const prefix = "/2018-06-01/runtime";
let requestId;

function call(method, path, body) {
  return new Promise((done, failed) => {
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const asked = request({ host, port, agent, method, path: prefix + path, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => done({ headers: response.headers, status: response.statusCode, body: Buffer.concat(chunks).toString() }));
    });
    asked.on("error", failed);
    asked.end(body);
  });
}

// AWS writes each line as time, request id, level, text, with tabs between.
for (const [name, level] of [["log", "INFO"], ["info", "INFO"], ["debug", "DEBUG"], ["trace", "TRACE"], ["warn", "WARN"], ["error", "ERROR"]]) {
  console[name] = (...values) => {
    const text = format(...values).replaceAll("\n", "\r");
    process.stdout.write(`${new Date().toISOString()}\t${requestId ?? "undefined"}\t${level}\t${text}\n`);
  };
}

function asError(thrown) {
  if (thrown instanceof Error) {
    const trace = (thrown.stack ?? String(thrown)).replaceAll(import.meta.url, "file:///var/runtime/index.mjs").split("\n");
    return { errorType: thrown.name, errorMessage: thrown.message, trace };
  }
  return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
}

class UserCodeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

async function load(handler) {
  const [, folder, module, path] = /^(.*\/)?([^/.]+)\.(.+)$/.exec(handler) ?? [];
  if (!module) throw new UserCodeError("Runtime.MalformedHandlerName", "Bad handler");
  const base = resolve(process.env.LAMBDA_TASK_ROOT, folder ?? "", module);
  const file = ["", ".js", ".mjs", ".cjs"].map((end) => base + end).find((name) => existsSync(name) && !name.endsWith("/") && name !== base)
    ?? (existsSync(join(base, "index.js")) ? join(base, "index.js") : undefined);
  if (!file) {
    throw new UserCodeError("Runtime.ImportModuleError", `Error: Cannot find module '${module}'\nRequire stack:\n- ${handler}`);
  }
  let loaded;
  try {
    loaded = file.endsWith(".cjs") ? createRequire(pathToFileURL(file))(file) : await import(pathToFileURL(file).href);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserCodeError("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    if (error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND") {
      throw new UserCodeError("Runtime.ImportModuleError", `Error: ${error.message}`);
    }
    throw error;
  }
  const find = (from) => path.split(".").reduce((value, key) => value?.[key], from);
  const found = find(loaded) ?? find(loaded.default);
  if (found === undefined) throw new UserCodeError("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  if (typeof found !== "function") throw new UserCodeError("Runtime.HandlerNotFound", `${handler} is not a function`);
  return found;
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const json = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    clientContext: json("lambda-runtime-client-context"),
    identity: json("lambda-runtime-cognito-identity"),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

// A handler answers with a promise, or through the callback (and the context's old functions).
function run(handler, event, context) {
  return new Promise((done, failed) => {
    let called = false;
    const callback = (error, result) => {
      called = true;
      const settle = () => (error ? failed(error) : done(result));
      if (context.callbackWaitsForEmptyEventLoop) process.once("beforeExit", settle);
      else settle();
    };
    context.succeed = (result) => done(result);
    context.fail = (error) => failed(error);
    context.done = (error, result) => (error ? failed(error) : done(result));
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") returned.then(done, failed);
    // What a handler that is not async returns counts for nothing; without a callback the answer is null.
    else process.once("beforeExit", () => called || done(null));
  });
}

let fatal = async (error) => {
  await call("POST", "/init/error", JSON.stringify(asError(error)));
  process.exit(1);
};
process.on("uncaughtException", (error) => fatal(Object.assign(error, {})));
process.on("unhandledRejection", (reason) => fatal(new UserCodeError("Runtime.UnhandledPromiseRejection", String(reason))));

let handler;
try {
  handler = await load(process.argv[2]);
} catch (error) {
  process.stdout.write(`${new Date().toISOString()}\tundefined\tERROR\tUncaught Exception \t${JSON.stringify(asError(error))}\n`);
  await fatal(error);
}

for (;;) {
  const next = await call("GET", "/invocation/next");
  requestId = next.headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"] ?? "";
  const path = `/invocation/${requestId}`;
  fatal = async (error) => {
    await call("POST", `${path}/error`, JSON.stringify(asError(error)));
    process.exit(129);
  };
  try {
    const result = await run(handler, JSON.parse(next.body), contextOf(next.headers));
    let body;
    try {
      body = JSON.stringify(result) ?? "null";
    } catch {
      throw new UserCodeError("Runtime.MarshalError", "Unable to stringify response body");
    }
    await call("POST", `${path}/response`, body);
  } catch (error) {
    const described = asError(error);
    const { trace, ...logged } = described;
    console.error(`Invoke Error \t${JSON.stringify({ ...logged, stack: trace })}`);
    await call("POST", `${path}/error`, JSON.stringify(described));
  }
}
