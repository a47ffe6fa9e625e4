// Python in a worker: the page stays quick while it loads, and while it answers.
import { loadPyodide, version } from "./pyodide/pyodide.mjs";

const HOME = "/seqtopo";
const BASE = new URL("./", import.meta.url);
let answer = null;
const waiting = [];

addEventListener("message", ({ data }) => {
  if (answer) reply(data);
  else waiting.push(data);
});
postMessage({ status: "loading", words: "Python is loading" });

function reply({ id, text, options }) {
  let found;
  try {
    found = JSON.parse(answer(JSON.stringify([text, options])));
  } catch (error) {
    found = { report: { refused: `Python failed: ${String(error).slice(-300)}` } };
  }
  postMessage({ id, found });
}

async function bytes(name) {
  return (await fetch(new URL(name, BASE))).arrayBuffer();
}

/** The bytes of a file that is compressed, whether the host has said so or not. */
async function unpacked(data) {
  const [first, second] = new Uint8Array(data);
  if (first !== 0x1f || second !== 0x8b) return data; // the browser has unpacked it
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** Write the files of a .zip file without compression. Python would take four times as long. */
function writeFiles(FS, buffer) {
  const view = new DataView(buffer);
  const decoder = new TextDecoder();
  const made = new Set();
  for (let at = 0; view.getUint32(at, true) === 0x04034b50; ) {
    const size = view.getUint32(at + 18, true);
    const named = at + 30;
    const begins = named + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
    const path = `${HOME}/${decoder.decode(new Uint8Array(buffer, named, view.getUint16(at + 26, true)))}`;
    const slash = path.lastIndexOf("/");
    const folder = path.slice(0, slash);
    if (!made.has(folder)) FS.mkdirTree(folder);
    made.add(folder);
    FS.createDataFile(folder, path.slice(slash + 1), new Uint8Array(buffer, begins, size), true, true, true);
    at = begins + size;
  }
}

/**
 * Where the memory of Python is kept after its first answer, so that the next visit goes on from there, in half
 * the time. It is kept under a digest of what it was made of; null where the browser keeps nothing.
 */
async function memoryOf(parts) {
  if (!globalThis.caches || !globalThis.crypto?.subtle) return null;
  const made = await new Blob([version, ...parts]).arrayBuffer();
  const digest = Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", made)), (byte) => byte.toString(16)).join("");
  const ours = `python ${BASE.pathname} `;
  const place = new URL("python-memory", BASE);
  return {
    read: async () => (await caches.has(ours + digest)) && (await (await caches.open(ours + digest)).match(place))?.arrayBuffer(),
    async write(data) {
      await this.clear();
      await (await caches.open(ours + digest)).put(place, new Response(data));
    },
    async clear() {
      for (const name of await caches.keys()) if (name.startsWith(ours)) await caches.delete(name);
    },
  };
}

const BEGIN = `
import sys
sys.path.insert(0, ${JSON.stringify(HOME)})
import json
from seqtopo.play.answer import answer

def reply(asked):
    text, options = json.loads(asked)
    return json.dumps(answer(text, options))

# What the first answers load is part of the memory that is kept.
answer("", {"wants": ["layers"]})
answer("in(T,8) -> lstm(8) -> dense(1)")
None
`;

async function start() {
  const parts = await Promise.all([bytes("seqtopo.zip.gz"), bytes("pyodide/python_stdlib.zip.gz")]);
  const files = unpacked(parts[0]);
  const library = new Blob([await unpacked(parts[1])], { type: "application/zip" });
  const memory = await memoryOf(parts).catch(() => null);
  const options = {
    indexURL: new URL("pyodide/", BASE).href,
    stdLibURL: URL.createObjectURL(library),
    env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1" },
  };
  let python = null;
  let fresh = null;
  const kept = await memory?.read().catch(() => null);
  if (kept) python = await loadPyodide({ ...options, _loadSnapshot: kept }).catch(() => memory.clear().then(() => null, () => null));
  if (python) {
    writeFiles(python.FS, await files);
  } else {
    python = await loadPyodide({ ...options, _makeSnapshot: Boolean(memory) });
    writeFiles(python.FS, await files);
    python.runPython(BEGIN);
    if (memory) fresh = python.makeMemorySnapshot(); // before anything of Python is held here
  }
  answer = python.globals.get("reply");
  while (waiting.length) reply(waiting.shift());
  postMessage({ status: "ready", words: "Python in this page" });
  // What the tabs need is loaded while nobody waits for it.
  setTimeout(() => python.runPython("import seqtopo.play.views"), 50);
  if (fresh) setTimeout(() => memory.write(fresh).catch(() => {}).finally(() => (fresh = null)), 2000);
}

start().catch((error) => {
  console.error(error);
  postMessage({ status: "failed", words: "Python could not be loaded: reload the page" });
});
