// What a page can try against an address: each function sends it a request, and returns what the page could read of the answer.
// `url` is the address at the engine, `site` the page's own.

const add = (tag, properties = {}) => {
  const element = Object.assign(document.createElement(tag), properties);
  document.body.append(element);
  return element;
};

const ofFrame = (html, properties = {}) => add("iframe", { srcdoc: html, ...properties });

const submit = (url, method, enctype) => {
  add("iframe", { name: "sink" });
  const form = add("form", { method, enctype, action: url, target: "sink" });
  for (const [name, value] of new URL(url).searchParams) {
    form.append(Object.assign(document.createElement("input"), { name, value }));
  }
  form.submit();
};

const read = async (url, options) => {
  try {
    return await (await fetch(url, options)).text();
  } catch {
    return "";
  }
};

const ask = (url, method, headers, body) =>
  new Promise((done) => {
    const request = new XMLHttpRequest();
    request.onloadend = () => done(request.responseText);
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });

const hidden = { referrerPolicy: "no-referrer" };
const signature = "AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
const script = (code) => `<script>${code}</` + "script>";

window.attacks = {
  image: (url) => void add("img", { ...hidden, src: url }),
  "image set": (url) => void add("img", { ...hidden, srcset: `${url} 1x` }),
  "image after a redirect": (url, site) => void add("img", { src: `${site}/redirect?to=${encodeURIComponent(url)}` }),
  "form by GET": (url) => submit(url, "get", ""),
  "form by POST": (url) => submit(url, "post", "application/x-www-form-urlencoded"),
  "form as text": (url) => submit(url, "post", "text/plain"),
  "form in parts": (url) => submit(url, "post", "multipart/form-data"),
  fetch: (url) => read(url),
  "fetch with cookies": (url) => read(url, { ...hidden, credentials: "include" }),
  "fetch with a preflight": (url) =>
    read(url, {
      method: "POST",
      headers: { "X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0" },
      body: "{}",
    }),
  "fetch with a signature": (url) => read(url, { headers: { Authorization: signature } }),
  "fetch with a token": (url) => read(url, { headers: { "X-Harness-Token": "guess" } }),
  "fetch with DELETE": (url) => read(url, { method: "DELETE" }),
  "opaque fetch": (url) => read(url, { ...hidden, mode: "no-cors" }),
  "opaque POST": (url) => read(url, { method: "POST", mode: "no-cors", body: '{"scope": "all"}' }),
  "opaque POST without a type": (url) =>
    read(url, { ...hidden, method: "POST", mode: "no-cors", body: new Blob(["{}"]) }),
  "fetch that stays alive": (url) => read(url, { mode: "no-cors", keepalive: true }),
  beacon: (url) => void navigator.sendBeacon(url, "x"),
  "beacon with a form": (url) => void navigator.sendBeacon(url, new URLSearchParams("Action=CreateQueue")),
  XMLHttpRequest: (url) => ask(url, "GET", {}),
  "XMLHttpRequest with a header": (url) => ask(url, "POST", { "X-Amz-Date": "1" }, "{}"),
  WebSocket: (url) =>
    new Promise((done) => {
      const socket = new WebSocket(url.replace("http", "ws"));
      socket.onmessage = (message) => done(message.data);
      socket.onclose = () => done("");
    }),
  EventSource: (url) =>
    new Promise((done) => {
      const source = new EventSource(url);
      source.onmessage = (message) => done(message.data);
      source.onerror = () => done(source.close() ?? "");
    }),
  script: (url) =>
    new Promise((done) => {
      const element = Object.assign(document.createElement("script"), { ...hidden, src: url });
      element.onload = element.onerror = () => done(window.leaked ?? "");
      document.body.append(element);
    }),
  module: (url) => import(url).then(() => window.leaked ?? "", () => ""),
  "style sheet": (url) => void add("link", { ...hidden, rel: "stylesheet", href: url }),
  preload: (url) => void add("link", { rel: "preload", as: "image", href: url }),
  prefetch: (url) => void add("link", { rel: "prefetch", href: url }),
  "style import": (url) => void add("style", { textContent: `@import '${url}'` }),
  background: (url) => void add("div", { style: `width: 9px; height: 9px; background: url('${url}')` }),
  font: (url) => {
    add("style", { textContent: `@font-face { font-family: F; src: url('${url}') } p { font-family: F }` });
    add("p", { textContent: "x" });
  },
  frame: async (url) => {
    const frame = add("iframe", { ...hidden, src: url });
    await new Promise((loaded) => (frame.onload = loaded));
    try {
      return frame.contentDocument.body.textContent;
    } catch {
      return "";
    }
  },
  object: (url) => void add("object", { data: url }),
  embed: (url) => void add("embed", { src: url }),
  video: (url) => void add("video", { src: url, preload: "auto" }),
  audio: (url) => void add("audio", { src: url, preload: "auto" }),
  refresh: (url) => void ofFrame(`<meta http-equiv=refresh content="0; url=${url.replaceAll("&", "&amp;")}">`),
  "frame that navigates": (url) => void ofFrame(script(`location = '${url}'`)),
  window: (url) => void window.open(url, "_blank", "noopener,noreferrer"),
  "link with a ping": (url) => add("a", { href: "#", ping: url, textContent: "x" }).click(),
  "sandboxed frame": (url) =>
    void ofFrame(script(`fetch('${url}', {mode: 'no-cors', method: 'POST', body: 'x'})`), { sandbox: "allow-scripts" }),
  "frame of a data URL": (url) =>
    void add("iframe", { src: `data:text/html,${encodeURIComponent(`<img referrerpolicy=no-referrer src="${url}">`)}` }),
  worker: (url) =>
    new Promise((done) => {
      const code = `fetch('${url}', {mode: 'no-cors'}).then(a => a.text()).then(postMessage, () => postMessage(''))`;
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      worker.onmessage = (message) => done(message.data);
    }),
};
