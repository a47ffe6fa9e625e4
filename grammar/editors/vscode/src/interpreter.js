// Chooses the Python that runs the language server, and asks it whether it can.

"use strict";

const { execFile } = require("node:child_process");
const os = require("node:os");
const path = require("node:path");
const vscode = require("vscode");

const PYTHON_EXTENSION = "ms-python.python";
const LEAST = [3, 11];
const QUESTION = `
import json, sys
from importlib.util import find_spec
missing = [name for name in ("seqtopo", "pygls") if find_spec(name) is None]
print(json.dumps([sys.executable, list(sys.version_info[:2]), missing]))
`;

/** Calls back when the Python extension chooses another interpreter. */
async function onChange(callback) {
  const environments = await pythonEnvironments();
  return environments?.onDidChangeActiveEnvironmentPath?.(callback);
}

async function pythonEnvironments() {
  const extension = vscode.extensions.getExtension(PYTHON_EXTENSION);
  if (!extension) return undefined;
  try {
    const api = await extension.activate();
    return api?.environments;
  } catch {
    return undefined; // an extension that cannot start has chosen nothing
  }
}

/** Returns the commands to try, in their order: one that somebody has chosen stands alone. */
async function candidates() {
  const set = vscode.workspace.getConfiguration("seqtopo").get("interpreter", "").trim();
  if (set) return [expanded(set)];
  const environments = await pythonEnvironments();
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const active = environments?.getActiveEnvironmentPath?.(folder);
  const chosen = active && (await environments.resolveEnvironment(active));
  const found = chosen?.executable?.uri?.fsPath;
  return found ? [found] : process.platform === "win32" ? ["python", "py"] : ["python3", "python"];
}

function expanded(text) {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  return text.replace(/\$\{workspaceFolder\}/g, folder).replace(/^~(?=[/\\])/, os.homedir());
}

/** Returns `{command, problem, install}`: what runs the server, or why none does and what would help. */
async function choose() {
  const tried = [];
  for (const command of await candidates()) {
    const answer = await ask(command);
    if (!answer.problem) return { command: answer.executable };
    tried.push(answer);
  }
  return tried.find((answer) => answer.install) ?? tried[0];
}

function ask(command) {
  // Not in the folder of the workspace, whose files Python would import.
  const options = { cwd: path.dirname(__dirname), timeout: 30_000, windowsHide: true };
  return new Promise((resolve) => {
    execFile(command, ["-c", QUESTION], options, (error, stdout, stderr) => {
      if (error) {
        const said = error.code === "ENOENT" ? "there is no such program" : stderr.trim().split("\n").pop();
        resolve({ problem: `${command} does not run: ${said || error.message}` });
        return;
      }
      const [executable, version, missing] = JSON.parse(stdout.trim().split("\n").pop());
      const install = `${quoted(executable)} -m pip install "seqtopo[lsp]"`;
      if (version[0] < LEAST[0] || (version[0] === LEAST[0] && version[1] < LEAST[1])) {
        const need = LEAST.join(".");
        resolve({ problem: `${executable} is Python ${version.join(".")}, and seqtopo needs ${need} or later` });
      } else if (missing.length) {
        resolve({ problem: `${executable} lacks ${missing.join(" and ")}`, install });
      } else {
        resolve({ executable });
      }
    });
  });
}

function quoted(executable) {
  if (!/\s/.test(executable)) return executable;
  return process.platform === "win32" ? `& "${executable}"` : `"${executable}"`;
}

module.exports = { PYTHON_EXTENSION, choose, onChange };
