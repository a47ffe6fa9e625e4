// The panel beside the text that shows its drawing, and follows the cursor.

"use strict";

const { randomBytes } = require("node:crypto");
const vscode = require("vscode");

const PAUSE = 150; // milliseconds that the cursor rests before the drawing follows it

class Drawing {
  /** `ask(params)` returns the language server's answer to a request, undefined while there is no server. */
  constructor(context, ask, isOurs) {
    this.media = vscode.Uri.joinPath(context.extensionUri, "media");
    this.ask = ask;
    this.isOurs = isOurs;
    this.kind = "graph";
    this.shown = undefined;
    context.subscriptions.push(
      vscode.window.onDidChangeTextEditorSelection((event) => this.follow(event.textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.follow(editor)),
      vscode.window.onDidChangeActiveColorTheme(() => this.later()),
      { dispose: () => this.panel?.dispose() },
    );
  }

  /** Shows the drawing of the place `{uri, position}`, or of where the cursor is. */
  async show(kind, place) {
    this.kind = kind;
    const editor = vscode.window.activeTextEditor;
    if (place) this.shown = place;
    else if (editor && this.isOurs(editor.document)) this.shown = placeOf(editor);
    if (!this.panel) this.open();
    else this.panel.reveal(undefined, true);
    await this.update();
  }

  open() {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    this.panel = vscode.window.createWebviewPanel("seqtopo.drawing", "Drawing", column, {
      enableScripts: true,
      localResourceRoots: [this.media],
    });
    this.panel.webview.html = page(this.panel.webview, this.media);
    this.panel.webview.onDidReceiveMessage((message) => {
      // A page that is hidden and shown again begins anew.
      if (message.type === "ready") this.update();
      else if (message.type === "kind" && ["graph", "unrolled"].includes(message.kind)) {
        this.kind = message.kind;
        this.update();
      }
    });
    this.panel.onDidDispose(() => {
      this.panel = undefined;
      clearTimeout(this.timer);
    });
  }

  follow(editor) {
    if (!this.panel || !this.isOurs(editor.document)) return;
    this.shown = placeOf(editor);
    this.later();
  }

  /** Draws anew if the document with this URI is the one that is shown. */
  changed(uri) {
    if (this.shown && vscode.Uri.parse(uri).toString() === vscode.Uri.parse(this.shown.uri).toString()) this.later();
  }

  later() {
    clearTimeout(this.timer);
    if (this.panel) this.timer = setTimeout(() => this.update(), PAUSE);
  }

  async update() {
    if (!this.panel || !this.shown) return;
    const { uri, position } = this.shown;
    const kind = this.kind;
    const asked = (this.asked = Symbol());
    const light = [vscode.ColorThemeKind.Light, vscode.ColorThemeKind.HighContrastLight];
    const theme = light.includes(vscode.window.activeColorTheme.kind) ? "light" : "dark";
    let answer;
    try {
      answer = await this.ask({ textDocument: { uri }, kind, position, theme });
    } catch (error) {
      answer = { svg: null, stale: false, error: error.message };
    }
    // A later question has its own answer; and the panel may be closed meanwhile.
    if (asked !== this.asked || !this.panel) return;
    const name = vscode.Uri.parse(uri).path.split("/").pop();
    this.panel.title = kind === "graph" ? `Drawing of ${name}` : `${name} unrolled`;
    this.panel.webview.postMessage({
      kind,
      theme,
      svg: answer?.svg ?? null,
      title: answer?.title ?? "",
      stale: Boolean(answer?.stale),
      error: answer ? answer.error : "The language server is not running.",
    });
  }
}

function placeOf(editor) {
  const { line, character } = editor.selection.active;
  return { uri: editor.document.uri.toString(), position: { line, character } };
}

/** The page of the panel. The drawing is an image, in which nothing is run or loaded. */
function page(webview, media) {
  const nonce = randomBytes(16).toString("hex");
  const file = (name) => webview.asWebviewUri(vscode.Uri.joinPath(media, name));
  const policy = `default-src 'none'; img-src data:; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${file("drawing.css")}">
<title>Drawing</title>
</head>
<body>
<div id="bar" role="toolbar" aria-label="Drawing">
<button data-kind="graph" aria-pressed="true">Graph</button>
<button data-kind="unrolled" aria-pressed="false">Unrolled</button>
<span class="gap"></span>
<button id="smaller" aria-label="Smaller">&minus;</button>
<button id="fit" aria-pressed="true">Fit</button>
<button id="larger" aria-label="Larger">+</button>
</div>
<p id="said" role="status"></p>
<div id="paper"><img id="drawing" alt="" hidden></div>
<script nonce="${nonce}" src="${file("drawing.js")}"></script>
</body>
</html>`;
}

module.exports = { Drawing };
