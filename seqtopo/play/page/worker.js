// Python in a worker: the page stays quick while it loads, and while it answers.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const HOME = "/seqtopo";
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

/** The bytes of a file that is compressed, whether the host says so or not. */
async function unpacked(url) {
  const data = await (await fetch(url)).arrayBuffer();
  const [first, second] = new Uint8Array(data);
  if (first !== 0x1f || second !== 0x8b) return data; // the browser has unpacked it
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** The files of a .zip file without compression, each with its name. Python takes four times as long. */
function* files(buffer) {
  const view = new DataView(buffer);
  const decoder = new TextDecoder();
  for (let at = 0; view.getUint32(at, true) === 0x04034b50; ) {
    const size = view.getUint32(at + 18, true);
    const named = at + 30;
    const begins = named + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
    const name = decoder.decode(new Uint8Array(buffer, named, view.getUint16(at + 26, true)));
    yield [name, new Uint8Array(buffer, begins, size)];
    at = begins + size;
  }
}

async function start() {
  const base = new URL("./", import.meta.url).href;
  const packed = unpacked(`${base}seqtopo.zip.gz`);
  const library = new Blob([await unpacked(`${base}pyodide/python_stdlib.zip.gz`)], { type: "application/zip" });
  const python = await loadPyodide({
    indexURL: `${base}pyodide/`,
    stdLibURL: URL.createObjectURL(library),
    env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1" },
  });
  for (const [name, data] of files(await packed)) {
    python.FS.mkdirTree(`${HOME}/${name}`.replace(/\/[^/]*$/, ""));
    python.FS.writeFile(`${HOME}/${name}`, data);
  }
  answer = python.runPython(`
import sys
sys.path.insert(0, ${JSON.stringify(HOME)})
import json
from seqtopo.play.answer import answer

def reply(asked):
    text, options = json.loads(asked)
    return json.dumps(answer(text, options))

reply
`);
  while (waiting.length) reply(waiting.shift());
  postMessage({ status: "ready", words: "Python in this page" });
  // What the tabs need is loaded while nobody waits for it.
  setTimeout(() => python.runPython("import seqtopo.play.views"), 50);
}

start().catch((error) => {
  console.error(error);
  postMessage({ status: "failed", words: "Python could not be loaded: reload the page" });
});
