// Where kmm runs: Python, in a thread of the browser's that is not the page's.  It is
// told of keys and sizes, and tells the page what to draw and what to keep (page.js).

const tell = (message) => postMessage(message);
const step = (share, text) => tell({ type: "step", share, text });

// What Pyodide asks for by name is in the page; nothing is asked of anybody else.

const held = {};
const NOWHERE = "https://page.invalid/";
const TYPES = { wasm: "application/wasm", json: "application/json" };

self.fetch = async (what) => {
  const name = String(what.url ?? what).split("/").pop();
  if (!(name in held)) throw new TypeError(`${name} is not in the page`);
  const type = TYPES[name.split(".").pop()] ?? "application/octet-stream";
  return new Response(held[name], { headers: { "Content-Type": type } });
};

function load(name) {
  const source = new Blob([held[name]], { type: "text/javascript" });
  return import(URL.createObjectURL(source));
}

const ENVIRONMENT = {
  HOME: "/home/reader",
  XDG_STATE_HOME: "/home/reader/state",
  XDG_CONFIG_HOME: "/home/reader/config",
  XDG_CACHE_HOME: "/home/reader/cache",
  TERM: "xterm-256color",
  COLORTERM: "truecolor",
};

// What Python calls (kmm.web.page.Page).
const page = {
  draw: (text) => {
    tell({ type: "draw", text });
    listen();
  },
  keep: (name, text) => tell({ type: "keep", name, text }),
  token: (text) => tell({ type: "token", text }),
  copy: (text) => tell({ type: "copy", text }),
};

const printed = []; // the last lines that Python has printed, for who asks why it ended
const print = (line) => {
  printed.push(line);
  printed.splice(0, printed.length - 60);
};

async function python() {
  step(0.35, "Starting Python ...");
  const { loadPyodide } = await load("pyodide.mjs");
  const { default: createPyodideModule } = await load("pyodide.asm.mjs");
  let extractDir;
  const pyodide = await loadPyodide({
    indexURL: NOWHERE,
    packageBaseUrl: NOWHERE,
    lockFileContents: new TextDecoder().decode(held["pyodide-lock.json"]),
    createPyodideModule,
    env: ENVIRONMENT,
    fsInit: async (_, { sitePackages }) => {
      extractDir = sitePackages;
    },
    stdout: print,
    stderr: print,
  });
  step(0.6, "Unpacking kmm ...");
  pyodide.unpackArchive(held["packages.zip"], "zip", { extractDir });
  for (const name of Object.keys(held)) delete held[name];
  return pyodide;
}

let app = null;
let isListening = false;
const early = []; // what was told before the first screen was drawn

const hear = {
  keys: ({ text }) => app.hear_keys(text),
  size: ({ columns, rows }) => app.hear_size(columns, rows),
  asked: ({ text }) => app.hear_asked(text),
  file: ({ name, text }) => app.hear_file(name, text),
};

function listen() {
  if (isListening) return;
  isListening = true;
  for (const message of early) setTimeout(() => hear[message.type](message));
}

async function start({ assets, files, asked, columns, rows }) {
  Object.assign(held, assets);
  const pyodide = await python();
  step(0.75, "Opening the textbook ...");
  const { make_app } = pyodide.pyimport("kmm.web.start");
  app = make_app(page, JSON.stringify(files), asked);
  const problem = await app.run_here(columns, rows);
  const text = problem ? "kmm has crashed; your progress is kept." : "You have left kmm.";
  tell({ type: "ended", text, problem });
}

self.onmessage = ({ data }) => {
  if (data.type === "start") {
    start(data).catch((error) => {
      const problem = [error.message ?? String(error), ...printed].join("\n");
      tell({ type: "ended", text: "kmm could not be started in this browser.", problem });
    });
  } else if (isListening) {
    hear[data.type](data);
  } else {
    early.push(data);
  }
};
