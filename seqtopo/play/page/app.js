// The page: what is written on the left is answered on the right.
import config from "./config.js";
import { connect } from "./answers.js";
import { makeEditor, makeViewer } from "./editor.js";
import * as link from "./link.js";
import { makeFigure } from "./pictures.js";
import { marks, safeFixes, showProblems, summary } from "./problems.js";
import { changes, download, h, prose, toast } from "./text.js";
import { makeTraining } from "./train.js";

const $ = (id) => document.getElementById(id);
const state = { language: "spec", dims: {}, model: 0, tab: "model", lesson: -1, findings: [], report: null, valid: null };
const isEmbedded = link.embedded(location.hash);
document.documentElement.classList.toggle("embed", isEmbedded);

// ---- light and dark -------------------------------------------------------------------------------------

const system = matchMedia("(prefers-color-scheme: dark)");
function theme() {
  return document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
}
function setTheme(name, keep) {
  if (name) document.documentElement.dataset.theme = name;
  $("theme").setAttribute("aria-pressed", theme() === "dark");
  try {
    if (keep) localStorage.setItem("seqtopo-theme", name);
  } catch {
    // no storage: the choice holds until the page is closed
  }
}
try {
  setTheme(localStorage.getItem("seqtopo-theme"));
} catch {
  setTheme();
}

// ---- Python ---------------------------------------------------------------------------------------------

const ask = connect(config, (kind, words) => {
  $("status").className = kind;
  $("status").textContent = words;
});

const layers = ask("", { wants: ["layers"] }).then((found) => found.layers ?? []);

// ---- the editor -----------------------------------------------------------------------------------------

const editor = await makeEditor($("editor"), {
  label: "The text: a spec or Keras code",
  changed: () => update(),
  layers: () => layers,
  keys: { "Mod-s": share, "Mod-.": () => fixFirst(), "Mod-Enter": () => fixFirst() },
});
const figures = {
  drawing: makeFigure($("drawing"), "Layers", "drawing"),
  unrolled: makeFigure($("unrolled"), "Time steps", "steps"),
};

function apply(fix) {
  editor.change(changes(editor.text(), fix));
  editor.focus();
}

function fixFirst() {
  const fix = state.findings.flatMap((one) => one.fixes)[0];
  if (fix) apply(fix);
}

function setLanguage(language) {
  state.language = language;
  state.model = 0;
  editor.setLanguage(language);
  for (const button of document.querySelectorAll(".switch button")) {
    const on = button.dataset.language === language;
    button.setAttribute("aria-checked", on);
    button.tabIndex = on ? 0 : -1;
  }
  $("format").hidden = language !== "spec";
  $("tab-code").textContent = language === "spec" ? "Keras code" : "As a spec";
}

function open({ text, language = "spec", dims = {} }) {
  setLanguage(language);
  state.dims = { ...dims };
  state.report = null;
  state.valid = null;
  for (const figure of Object.values(figures)) figure.clear();
  $("kind").textContent = "";
  $("table").replaceChildren();
  editor.setText(text);
  update();
}

// ---- asking, once for each change ------------------------------------------------------------------------

let asking = false;
let stale = false;
let pausing = 0;
const PAUSE = 120;

/** Ask for the findings at once, and for what the open tab shows when nothing was typed for a moment. */
async function update() {
  stale = true;
  if (asking) return;
  asking = true;
  clearTimeout(pausing);
  try {
    while (stale) {
      stale = false;
      const text = editor.text();
      const found = await ask(text, options(["report"]));
      if (found.report && text === editor.text()) showReport(text, found.report);
    }
  } finally {
    asking = false;
  }
  pausing = setTimeout(showTab, PAUSE);
  remember();
}

function options(wants) {
  return { wants, language: state.language, dims: state.dims, model: state.model, theme: theme() };
}

function showReport(text, report) {
  if (report.refused) {
    state.findings = [];
    $("summary").textContent = report.refused;
    return;
  }
  state.report = report;
  state.findings = report.diagnostics;
  if (report.table) state.valid = { text, options: options([]) };
  document.documentElement.classList.toggle("broken", !report.ok);
  editor.mark(marks(text, report.diagnostics, apply));
  $("summary").textContent = text.trim() ? summary(report.diagnostics) : "Write a spec, or take one from the course";
  showProblems(document.querySelector("#problems ul"), text, report.diagnostics, { apply, select: editor.select, explain });
  $("fix-all").hidden = safeFixes(text, report.diagnostics).count < 2;
  if (report.is_python) {
    const first = document.querySelector("#problems li");
    first?.append(h("div", { class: "fixes" }, h("button", { class: "fix", onclick: () => (setLanguage("python"), update()) }, "read it as Keras code")));
  }
  showModels(report.models ?? [], report.model ?? 0);
  showSizes(report.unbound);
  showTable(report.table);
}

/** Show what the open tab shows: of the text, or of the last one without errors, whose table is shown, too. */
async function showTab() {
  const text = editor.text();
  const wants = { model: ["drawing", "unrolled"], code: ["python"], walk: ["walk"], train: [] }[state.tab];
  const broken = Boolean(state.report && !state.report.table);
  $("old").hidden = !broken;
  document.querySelector(".pictures").hidden = broken && !state.valid;
  $("old").textContent = state.valid ? "This is the last model without errors." : "The model is shown once it has no errors.";
  document.querySelector(".results").classList.toggle("old", broken);
  const shown = broken ? state.valid : { text, options: options([]) };
  if (!shown || !wants.length) return;
  const found = await ask(shown.text, { ...shown.options, wants, theme: theme() });
  if (text !== editor.text()) return;
  if (found.drawing) figures.drawing.show(found.drawing);
  if (found.unrolled) figures.unrolled.show(found.unrolled);
  if (found.python) showCode(found.python, shown.options.language);
  if (found.walk) showWalk(found.walk);
}

// ---- what was answered ----------------------------------------------------------------------------------

function showModels(models, chosen) {
  $("models").hidden = models.length < 2;
  const select = $("models").querySelector("select");
  select.replaceChildren(...models.map((one, i) => h("option", { value: i, selected: i === chosen }, `${one.name}, line ${one.line}`)));
}

function showSizes(names) {
  const form = $("sizes");
  const wanted = [...new Set([...names, ...Object.keys(state.dims)])].slice(0, 12);
  const there = [...form.querySelectorAll("input")].map((input) => input.name);
  form.hidden = !wanted.length || state.language !== "spec";
  if (there.join() === wanted.join()) return;
  form.replaceChildren(
    h("span", {}, "Sizes left open:"),
    ...wanted.map((name) =>
      h("label", {}, `${name} = `, h("input", { name, inputmode: "numeric", size: 6, maxlength: 40, value: state.dims[name] ?? "", placeholder: "open", oninput: sizesChanged })),
    ),
  );
}

function sizesChanged() {
  state.dims = {};
  for (const input of $("sizes").querySelectorAll("input")) if (input.value.trim()) state.dims[input.name] = input.value.trim();
  update();
}

function showTable(table) {
  if (!table) return;
  const numbers = table.headings.indexOf("parameters");
  const cell = (name) => (text, i) => h(name, { class: i === numbers ? "number" : null, scope: name === "th" ? "col" : null }, text);
  $("kind").replaceChildren(
    h("span", {}, h("strong", {}, table.kind), table.meaning ? `: ${table.meaning}` : ""), h("span", {}, `${table.parameters} parameters`),
  );
  $("table").replaceChildren(
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Shapes, scrollable" },
      h("table", {},
        h("caption", {}, "What each layer takes and gives"),
        h("thead", {}, h("tr", {}, table.headings.map((text, i) => (text ? cell("th")(text, i) : h("td"))))),
        h("tbody", {}, table.rows.map((row) => h("tr", {}, row.map(cell("td"))))),
      )),
    ...table.below.map((line) => h("p", { class: "note" }, line)),
  );
}

const viewers = {};
async function showCode(found, language) {
  const panel = $("panel-code");
  const kind = language === "spec" ? "python" : "spec";
  if (panel.dataset.kind !== kind) {
    panel.dataset.kind = kind;
    const place = h("div", { class: "viewer" });
    const take = kind === "spec" && h("button", { class: "main", onclick: () => open({ text: viewers.text }) }, "Take it over as a spec");
    const copy = h("button", { class: "quiet", onclick: () => copied(viewers.text, "Copied.") }, "Copy");
    panel.replaceChildren(
      h("div", { class: "heading" }, h("p", {}, kind === "python" ? "The same model in Keras, without seqtopo." : "The model as a spec."), h("span", {}, copy, take || "")),
      place,
    );
    viewers.made = makeViewer(place, kind === "python" ? "Keras code" : "The spec", kind);
  }
  viewers.text = found.text ?? "";
  const show = await viewers.made;
  show(found.text ?? `# ${found.refused}${found.help ? `\n# ${found.help}` : ""}`);
}

function showWalk(found) {
  const panel = $("panel-walk");
  if (found.refused) return panel.replaceChildren(h("p", { class: "note" }, found.refused));
  panel.replaceChildren(
    h("p", { class: "lead" }, h("strong", {}, found.kind), `: ${found.meaning}`),
    ...found.reasons.map((reason) => h("p", {}, reason)),
    h("p", { class: "note" }, found.legend),
    h("ol", {}, found.steps.map(([name, written, shapes, words]) =>
      h("li", {}, h("h3", {}, h("code", {}, written), name === written ? "" : h("span", {}, name)), h("p", { class: "note" }, shapes), h("p", {}, words)))),
    h("h3", {}, "Training"),
    ...found.training.map((line) => h("p", {}, line)),
  );
}

async function explain(code) {
  const { page } = await ask("", { wants: ["page"], code });
  const blocks = (page?.text ?? "").split(/```\w*\n([\s\S]*?)```/);
  const shown = blocks.flatMap((block, i) => {
    if (i % 2) return h("pre", {}, block.trimEnd());
    return block.split(/\n{2,}/).filter((part) => part.trim()).map((part) => {
      const head = part.trim().match(/^(#+) (.*)$/s);
      return head ? h(`h${Math.min(head[1].length + 1, 4)}`, {}, head[2]) : h("p", {}, prose(part.trim()));
    });
  });
  $("page").querySelector("div").replaceChildren(...shown);
  $("page").showModal();
}

// ---- the address, sharing, files -------------------------------------------------------------------------

const written = () => ({ text: editor.text(), language: state.language, dims: state.dims });

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(async () => {
    const hash = await link.write(written());
    history.replaceState(null, "", `#${hash}${isEmbedded ? "&embed" : ""}`);
    $("whole").href = `#${hash}`;
  }, 400);
}

async function share() {
  const hash = await link.write(written());
  history.replaceState(null, "", `#${hash}`);
  const where = config.answers === "server" ? "The link is copied. It works on this machine, as long as seqtopo play runs." : "The link is copied. It holds the whole text.";
  await copied(location.href, where);
}

async function copied(text, words) {
  try {
    await navigator.clipboard.writeText(text);
    toast(words);
  } catch {
    toast("Copying is not allowed here: the link stands in the address bar.");
  }
}

async function save(what) {
  const [name, ending] = what.split(".");
  if (what === "spec") return download(state.language === "spec" ? "spec.txt" : "model.py", editor.text(), "text/plain");
  if (ending === "svg" || ending === "png") {
    if (state.tab !== "model") {
      const found = await ask(editor.text(), options([name]));
      if (found[name]) figures[name].show(found[name]);
    }
    if (!(await figures[name].save(ending))) toast("There is no picture yet.");
    return;
  }
  if (ending === "py" && state.language === "python") return download("model.py", editor.text(), "text/x-python");
  const want = ending === "py" ? "python" : "markdown";
  const found = (await ask(editor.text(), options([want])))[want];
  if (!found || found.refused) return toast([found?.refused, found?.help].filter(Boolean).join(": ") || "That did not work.");
  download(what, found.text, ending === "py" ? "text/x-python" : "text/markdown");
}

// ---- the course -----------------------------------------------------------------------------------------

let course = [];
async function loadCourse() {
  course = await (await fetch("course.json")).json();
  $("course").replaceChildren(
    h("h2", {}, "Course"),
    h("ol", {}, course.map((one, i) => h("li", {}, h("button", { onclick: () => showLesson(i) }, one.title)))),
    // The folder for a static host has the guide in it.
    config.answers === "worker" ? h("p", {}, h("a", { href: "guide/examples/guide/README.html" }, "The guide")) : "",
  );
}

function showLesson(number) {
  const one = course[number];
  state.lesson = number;
  [...$("course").querySelectorAll("li button")].forEach((button, i) => {
    if (i === number) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
  const go = (to, words) => h("button", { class: "quiet", disabled: !course[to], onclick: () => showLesson(to) }, words);
  $("lesson").hidden = false;
  $("lesson").replaceChildren(
    h("div", { class: "heading" }, h("h2", {}, one.title),
      h("span", {}, h("small", {}, `${number + 1} of ${course.length}`), go(number - 1, "Back"), go(number + 1, "Next"),
        h("button", { class: "quiet icon", "aria-label": "Close the lesson", onclick: () => ($("lesson").hidden = true) }, "✕"))),
    h("p", {}, prose(one.text)),
    one.try ? h("p", { class: "try" }, h("strong", {}, "Try: "), prose(one.try)) : "",
  );
  open({ text: one.spec, language: one.language });
  if (matchMedia("(max-width: 900px)").matches) toggleCourse(false);
}

function toggleCourse(shown) {
  $("course").hidden = !shown;
  $("course-button").setAttribute("aria-expanded", shown);
}

// ---- the page's own keys and buttons ---------------------------------------------------------------------

/** Arrow keys move through buttons of which one is chosen. */
function arrows(buttons, choose) {
  buttons.forEach((button) => {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", (event) => {
      const seen = buttons.filter((one) => !one.hidden);
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const next = seen[(seen.indexOf(button) + by + seen.length) % seen.length];
      next.focus();
      choose(next);
    });
  });
}

const tabs = [...document.querySelectorAll("[role=tab]")];
arrows(tabs, (chosen) => {
  state.tab = chosen.id.replace("tab-", "");
  for (const tab of tabs) {
    tab.setAttribute("aria-selected", tab === chosen);
    tab.tabIndex = tab === chosen ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
  }
  showTab();
});
arrows([...document.querySelectorAll(".switch button")], (chosen) => {
  setLanguage(chosen.dataset.language);
  update();
});

$("share").addEventListener("click", share);
$("course-button").addEventListener("click", () => toggleCourse($("course").hidden));
$("theme").addEventListener("click", () => {
  setTheme(theme() === "dark" ? "light" : "dark", true);
  showTab();
});
system.addEventListener("change", () => (setTheme(), showTab()));
$("format").addEventListener("click", async () => {
  const { formatted } = await ask(editor.text(), options(["formatted"]));
  if (formatted?.text !== undefined) editor.setText(formatted.text);
  else toast("It can be formatted once it can be read.");
});
$("fix-all").addEventListener("click", () => editor.change(safeFixes(editor.text(), state.findings).edits));
$("models").addEventListener("change", (event) => {
  state.model = Number(event.target.value);
  update();
});
$("sizes").addEventListener("submit", (event) => event.preventDefault());
for (const button of document.querySelectorAll("[data-export]")) {
  button.addEventListener("click", () => {
    $("export").open = false;
    save(button.dataset.export);
  });
}
document.addEventListener("click", (event) => $("export").contains(event.target) || ($("export").open = false));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("export").open) {
    $("export").open = false;
    $("export").querySelector("summary").focus();
  }
});
$("editor").addEventListener("paste", (event) => {
  // Python that is pasted into an empty editor, or over all of it, is Keras code.
  const pasted = event.clipboardData?.getData("text/plain") ?? "";
  if (/^\s*(import|from)\s+\w|\bkeras\.|\bSequential\(/m.test(pasted) && !pasted.includes("->")) {
    setTimeout(() => {
      if (editor.text().trim() === pasted.trim().replaceAll("\r\n", "\n")) {
        setLanguage("python");
        update();
      }
    });
  }
}, true);
addEventListener("hashchange", begin);

async function begin() {
  const found = await link.read(location.hash);
  if (found instanceof Error) toast(found.message);
  else if (found) return open(found);
  if (editor.text()) return;
  if (config.text !== null) open(config);
  else if (course.length) showLesson(0);
}

makeTraining($("panel-train"), config, written);
$("tab-train").hidden = config.answers !== "server";
await loadCourse();
if (!isEmbedded && matchMedia("(min-width: 1280px)").matches && config.text === null) toggleCourse(true);
await begin();
document.documentElement.dataset.ready = "true";
if (config.answers === "worker" && "serviceWorker" in navigator && isSecureContext) {
  navigator.serviceWorker.register("service.js").catch(() => {});
}
