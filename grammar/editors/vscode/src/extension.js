// Starts the language server where specs or Keras code are open, and shows their drawings.

"use strict";

const vscode = require("vscode");
const { Drawing } = require("./drawing");
const interpreter = require("./interpreter");

const SCHEMES = ["file", "untitled", "vscode-notebook-cell"];
const KERAS = /\b(?:keras|seqtopo)\b/; // Python files without it are no matter of ours

// What the server knows of a name and its place does not tell; the other words have finer colours by the grammar.
const NAMES = new Set(["class", "type", "variable", "parameter"]);

let output;
let watcher; // of the files in which a project says which rules are on
let client;
let starting; // the promise of a start, so that two documents that are opened at once start one server
let listening; // to the Python extension, which is started with the server and not for any text that is opened
let reported = false; // said once, and not again at every document

function activate(context) {
  output = vscode.window.createOutputChannel("seqtopo", { log: true });
  watcher = vscode.workspace.createFileSystemWatcher("**/pyproject.toml");
  const drawing = new Drawing(context, ask, isOurs);
  const show = (kind) => async (given) => {
    // What the lens above a model hands over is {uri, kind, position}; a menu hands over other things.
    const place = typeof given?.uri === "string" ? { uri: given.uri, position: given.position } : undefined;
    await start(drawing);
    await drawing.show(place ? given.kind : kind, place);
  };
  const command = (name, does) => vscode.commands.registerCommand(`seqtopo.${name}`, does);
  context.subscriptions.push(
    output,
    watcher,
    command("showDrawing", show("graph")),
    command("showUnrolled", show("unrolled")),
    command("showOutput", () => output.show()),
    command("restart", () => restart(drawing)),
    vscode.workspace.onDidOpenTextDocument((document) => opened(document, drawing)),
    vscode.workspace.onDidSaveTextDocument((document) => opened(document, drawing)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      // Told by ourselves, since the client of the protocol would also tell a server that is being stopped.
      if (event.affectsConfiguration("seqtopo.interpreter")) restart(drawing);
      else if (event.affectsConfiguration("seqtopo") && client?.isRunning()) {
        client.sendNotification("workspace/didChangeConfiguration", { settings: { seqtopo: serverSettings() } });
      }
      if (event.affectsConfiguration("seqtopo.textFiles")) vscode.workspace.textDocuments.forEach(asSpec);
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => restart(drawing)),
  );
  for (const document of vscode.workspace.textDocuments) opened(document, drawing);
}

async function deactivate() {
  (await listening)?.dispose();
  await stop();
}

function isOurs(document) {
  return SCHEMES.includes(document.uri.scheme) && ["seqtopo", "python"].includes(document.languageId);
}

/** Whether a document needs the server. */
function wants(document) {
  if (!isOurs(document)) return false;
  if (document.languageId === "seqtopo") return true;
  return vscode.workspace.getConfiguration("seqtopo").get("python", true) && KERAS.test(document.getText());
}

async function opened(document, drawing) {
  await asSpec(document);
  // One that has become a spec, by this setting or by hand, may be the one that is looked at.
  const editor = vscode.window.activeTextEditor;
  if (editor?.document === document) drawing.follow(editor);
  if (wants(document)) await start(drawing, document.languageId === "seqtopo");
}

/** Takes a .txt file for a spec if a setting says so. */
async function asSpec(document) {
  if (document.languageId !== "plaintext" || !document.uri.path.endsWith(".txt")) return;
  const patterns = vscode.workspace.getConfiguration("seqtopo", document).get("textFiles", []);
  if (patterns.some((pattern) => vscode.languages.match({ pattern }, document))) {
    await vscode.languages.setTextDocumentLanguage(document, "seqtopo");
  }
}

async function restart(drawing) {
  reported = false;
  await starting;
  await stop();
  if (vscode.workspace.textDocuments.some(wants)) await start(drawing);
  drawing.later();
}

async function stop() {
  const running = client;
  client = undefined;
  try {
    await running?.dispose();
  } catch (error) {
    output.warn(`the language server did not stop in order: ${error.message}`);
  }
}

/** Starts the server if none runs. A failure is said aloud where somebody works on a spec or asks for it. */
async function start(drawing, aloud = true) {
  if (client && !starting) return;
  starting ??= begin(drawing)
    .catch((error) => ({ problem: `the language server did not start: ${error.message}` }))
    .finally(() => (starting = undefined));
  const failure = await starting;
  if (failure && aloud && !reported) {
    reported = true;
    report(failure);
  }
}

/** Returns what is wrong if the server cannot be started. */
async function begin(drawing) {
  listening ??= interpreter.onChange(() => restart(drawing));
  const found = await interpreter.choose();
  if (found.problem) {
    output.error(found.problem);
    if (found.install) output.info(`to install it: ${found.install}`);
    return found;
  }
  output.info(`the language server runs on ${found.command}`);
  // Loaded where it is needed only: this extension is also asked about every text file and Python file.
  const { LanguageClient, TransportKind } = require("vscode-languageclient/node");
  // -P: a file of the workspace is never imported because it lies there.
  const server = { command: found.command, args: ["-P", "-m", "seqtopo", "lsp"], transport: TransportKind.stdio };
  const made = new LanguageClient("seqtopo", "seqtopo", server, {
    documentSelector: SCHEMES.flatMap((scheme) => [
      { scheme, language: "seqtopo" },
      { scheme, language: "python" },
    ]),
    outputChannel: output,
    traceOutputChannel: output,
    initializationOptions: serverSettings(),
    middleware: {
      provideDocumentSemanticTokens: async (document, token, next) => {
        const legend = made.initializeResult?.capabilities.semanticTokensProvider?.legend;
        return namesOnly(await next(document, token), legend?.tokenTypes ?? []);
      },
    },
    synchronize: { fileEvents: watcher },
  });
  made.onNotification("seqtopo/drawingChanged", ({ uri }) => drawing.changed(uri));
  client = made;
  try {
    await made.start();
  } catch (error) {
    if (client === made) client = undefined;
    throw error;
  }
  drawing.later();
  return undefined;
}

/** The settings that the server heeds. */
function serverSettings() {
  const settings = vscode.workspace.getConfiguration("seqtopo");
  return {
    drawings: "panel",
    inlayHints: settings.get("inlayHints"),
    codeLens: settings.get("codeLens"),
    python: settings.get("python"),
  };
}

/** Leaves out of semantic tokens all but names. A token is five numbers, its place counted from the one before. */
function namesOnly(tokens, types) {
  if (!tokens) return tokens;
  const builder = new vscode.SemanticTokensBuilder();
  let line = 0;
  let start = 0;
  for (let at = 0; at < tokens.data.length; at += 5) {
    const [lines, characters, length, type, modifiers] = tokens.data.slice(at, at + 5);
    line += lines;
    start = lines ? characters : start + characters;
    if (NAMES.has(types[type])) builder.push(line, start, length, type, modifiers);
  }
  return builder.build(tokens.resultId);
}

async function report({ problem, install }) {
  const copy = "Copy Command";
  const choose = "Choose Python";
  const show = "Show Output";
  const text = install ? `seqtopo: ${problem}. To install it: ${install}` : `seqtopo: ${problem}.`;
  const picked = await vscode.window.showWarningMessage(text, ...(install ? [copy] : []), choose, show);
  if (picked === copy) {
    await vscode.env.clipboard.writeText(install);
    const restarted = "Restart the Language Server";
    const next = await vscode.window.showInformationMessage("Copied. Once it is installed:", restarted);
    if (next === restarted) await vscode.commands.executeCommand("seqtopo.restart");
  } else if (picked === choose) {
    const set = vscode.workspace.getConfiguration("seqtopo").get("interpreter");
    const byExtension = !set && vscode.extensions.getExtension(interpreter.PYTHON_EXTENSION);
    await (byExtension
      ? vscode.commands.executeCommand("python.setInterpreter")
      : vscode.commands.executeCommand("workbench.action.openSettings", "seqtopo.interpreter"));
  } else if (picked === show) {
    output.show();
  }
}

/** Asks the server for a drawing; undefined while none runs. */
async function ask(params) {
  return client?.isRunning() ? client.sendRequest("seqtopo/drawing", params) : undefined;
}

module.exports = { activate, deactivate };
