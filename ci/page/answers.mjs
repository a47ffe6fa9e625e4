// Answer texts with the Python of the built page, in Node: node answers.mjs SITE FILE > JSON
// The file is a list of [text, options], out come the answers, and the modules that were loaded for them.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { pathToFileURL } from "node:url";

const site = process.argv[2];
const { loadPyodide } = await import(pathToFileURL(`${site}/pyodide/pyodide.mjs`));
const library = `${site}/pyodide/.python_stdlib.zip`;
const { writeFileSync, unlinkSync } = await import("node:fs");
writeFileSync(library, gunzipSync(readFileSync(`${site}/pyodide/python_stdlib.zip.gz`)));
const python = await loadPyodide({ indexURL: `${site}/pyodide/`, stdLibURL: library });
unlinkSync(library);
python.FS.mkdirTree("/seqtopo");
python.unpackArchive(new Uint8Array(gunzipSync(readFileSync(`${site}/seqtopo.zip.gz`))).buffer, "zip", { extractDir: "/seqtopo" });
python.globals.set("asked", readFileSync(process.argv[3], "utf8"));
console.log(python.runPython(`
import sys, time
sys.path.insert(0, "/seqtopo")
import json
started = time.perf_counter()
from seqtopo.play.answer import answer
loaded = time.perf_counter() - started
answers, seconds = [], []
for text, options in json.loads(asked):
    started = time.perf_counter()
    answers.append(answer(text, options))
    seconds.append(time.perf_counter() - started)
json.dumps({"answers": answers, "modules": sorted(sys.modules), "seconds": seconds, "loaded": loaded})
`));
