// The page: its terminal, what it keeps of the reader's, and the worker in which kmm
// runs (worker.js).  Nothing here knows what kmm shows.
"use strict";

const KEPT = "kmm:"; // before each name in localStorage: pages opened as files share it
const FONT = "kmm-font-size";
const LEAST_COLUMNS = 80;
const USUAL_SIZE = 15; // of the letters, in pixels
const LEAST_SIZE = 6;
const PROGRESS = "state/kmm/progress.json";

const byId = (id) => document.getElementById(id);

// What is in front until kmm has drawn its first screen, and when it has ended.

function tell(share, text) {
  byId("bar").value = share;
  byId("step").textContent = text;
}

function stop(text, problem) {
  byId("front").hidden = false;
  byId("bar").hidden = true;
  byId("step").textContent = text;
  byId("problem").hidden = !problem;
  byId("problem").textContent = problem || "";
  byId("again").hidden = false;
  byId("again").focus();
}

function say(text) {
  byId("says").textContent = text;
  byId("says").title = text;
}

function missing() {
  const needed = {
    "WebAssembly": typeof WebAssembly === "object",
    "WebAssembly exceptions": typeof WebAssembly === "object" && "Exception" in WebAssembly,
    "web workers": typeof Worker === "function",
    "DecompressionStream": typeof DecompressionStream === "function",
    "64-bit integers": typeof BigInt64Array === "function",
  };
  return Object.keys(needed).filter((name) => !needed[name]);
}

// What the page carries: each packed, and in the page itself or beside it.

async function unpacked(element) {
  const { src } = element.dataset;
  const packed = src ? await fetched(src) : bytesOf(element.textContent);
  element.remove();
  const stream = new Blob([packed]).stream();
  const plain = stream.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

async function fetched(src) {
  const response = await fetch(src);
  if (!response.ok) throw new Error(`${src}: ${response.status}`);
  return response.arrayBuffer();
}

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let n = 0; n < letters.length; n++) bytes[n] = letters.charCodeAt(n);
  return bytes;
}

async function carried() {
  const elements = [...document.querySelectorAll("script.asset")];
  const found = {};
  for (const [n, element] of elements.entries()) {
    tell((0.3 * n) / elements.length, "Unpacking ...");
    found[element.dataset.name] = await unpacked(element);
  }
  return found;
}

// What is kept of the reader's: files of kmm's, by their names.

const files = {};

function recall() {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(KEPT)) files[name.slice(KEPT.length)] = localStorage[name];
    }
  } catch {
    say("This browser keeps nothing for this page: save your progress to a file.");
  }
}

function keep(name, text) {
  files[name] = text;
  try {
    localStorage[KEPT + name] = text;
  } catch {
    say("This browser keeps no more for this page: save your progress to a file.");
  }
}

function save() {
  const text = files[PROGRESS];
  if (!text) {
    say("There is no progress yet: read a section first.");
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "progress.json";
  link.click();
  URL.revokeObjectURL(link.href);
  say("Your progress is in progress.json, among your downloads.");
}

async function load(file) {
  const text = await file.text();
  try {
    if (typeof JSON.parse(text).lessons !== "object") throw new Error("no lessons");
  } catch {
    say(`${file.name} is no progress of kmm's; what is here stays as it is.`);
    return;
  }
  keep(PROGRESS, text);
  post({ type: "file", name: PROGRESS, text });
  say(`Your progress is that of ${file.name} now.`);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} was copied.`);
  } catch {
    say(`This browser does not let the page copy.  ${what}: ${text}`);
  }
}

// The address: what is shown, as text behind the #.

const asked = () => decodeURIComponent(location.hash.slice(1));

function show(token) {
  if (token === asked()) return;
  const address = location.href.split("#")[0] + (token ? `#${encodeURI(token)}` : "");
  history.replaceState(null, "", address);
}

// The terminal.

const term = new Terminal({
  fontFamily: "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace",
  fontSize: USUAL_SIZE,
  scrollback: 0,
  macOptionIsMeta: true,
  theme: { background: "#121212" },
});
const fitting = new FitAddon.FitAddon();
let chosenSize = null; // of the letters, by the reader

// The terminal knows how large a letter is only when it has drawn one.
function resizeTo(size) {
  if (size === term.options.fontSize) return;
  term.options.fontSize = size;
  requestAnimationFrame(() => fitting.fit());
}

function fit() {
  fitting.fit();
  if (chosenSize) return;
  const fitted = (term.options.fontSize * term.cols) / LEAST_COLUMNS;
  resizeTo(Math.min(USUAL_SIZE, Math.max(LEAST_SIZE, Math.floor(fitted))));
}

function resizeLetters(by) {
  chosenSize = Math.min(40, Math.max(LEAST_SIZE, term.options.fontSize + by));
  resizeTo(chosenSize);
  try {
    localStorage[FONT] = chosenSize;
  } catch {
    // It is only for this time, then.
  }
  term.focus();
}

function openTerminal() {
  try {
    chosenSize = Number(localStorage[FONT]) || null;
  } catch {
    chosenSize = null;
  }
  if (chosenSize) term.options.fontSize = chosenSize;
  term.loadAddon(fitting);
  term.open(byId("terminal"));
  fit();
  term.onData((text) => post({ type: "keys", text }));
  term.onBinary((text) => post({ type: "keys", text }));
  term.onResize(({ cols, rows }) => post({ type: "size", columns: cols, rows }));
  new ResizeObserver(fit).observe(byId("terminal"));
}

// The worker, and what it tells the page.

let worker = null;
const post = (message) => worker && worker.postMessage(message);

const told = {
  step: ({ share, text }) => tell(share, text),
  draw: ({ text }) => {
    if (!byId("front").hidden) {
      byId("front").hidden = true;
      window.kmm.isReady = true;
      performance.mark("kmm-first-screen");
      term.focus();
    }
    term.write(text);
  },
  keep: ({ name, text }) => keep(name, text),
  token: ({ text }) => show(text),
  copy: ({ text }) => copy(text, "The schedule"),
  ended: ({ text, problem }) => {
    worker.terminate();
    worker = null;
    stop(text, problem);
  },
};

function startWorker(assets) {
  // A blob: would do, but Chromium takes none for a module in a page opened as a file.
  const source = encodeURIComponent(byId("worker").textContent);
  worker = new Worker(`data:text/javascript,${source}`, { type: "module" });
  worker.onmessage = ({ data }) => told[data.type](data);
  worker.onerror = (error) => stop("This browser cannot run kmm.", error.message);
  const start = {
    type: "start",
    assets,
    files,
    asked: asked(),
    columns: term.cols,
    rows: term.rows,
  };
  post(start);
}

function listen() {
  byId("again").onclick = () => location.reload();
  byId("link").onclick = () => copy(location.href, "The address").then(() => term.focus());
  byId("save").onclick = () => save();
  byId("load").onclick = () => byId("file").click();
  byId("file").onchange = async ({ target }) => {
    if (target.files.length) await load(target.files[0]);
    target.value = "";
    term.focus();
  };
  byId("smaller").onclick = () => resizeLetters(-1);
  byId("larger").onclick = () => resizeLetters(1);
  addEventListener("hashchange", () => post({ type: "asked", text: asked() }));
}

async function start() {
  listen();
  const lacking = missing();
  if (lacking.length) {
    stop(`This browser is too old for kmm.  It has no ${lacking.join(", no ")}.`);
    return;
  }
  try {
    recall();
    openTerminal();
    startWorker(await carried());
  } catch (error) {
    stop("The page could not be opened.", String(error));
  }
}

// For who looks at the page from outside, as its tests do.
window.kmm = { term, files, isReady: false };
start();
