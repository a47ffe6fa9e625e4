// Training on a series that is dropped in: the loss as it falls. Only where this machine answers.
import { h } from "./text.js";

const WIDTH = 560;
const HEIGHT = 240;
const EDGE = { left: 56, right: 12, top: 12, bottom: 28 };
const COLOURS = ["line-a", "line-b", "line-c", "line-d"];

/** Fill the panel; `written()` gives the text, its language and values of names. */
export function makeTraining(panel, config, written) {
  if (config.answers !== "server") return;
  if (!config.backends.length) {
    panel.replaceChildren(
      h("p", { class: "lead" }, "To train, a backend is needed."),
      h("p", {}, "Install one, and start seqtopo play anew:"), h("pre", { tabindex: "0" }, config.install),
    );
    return;
  }
  let series = "";
  const file = h("input", { type: "file", accept: ".csv,text/csv", id: "series", onchange: () => take(file.files[0]) });
  const named = h("p", { class: "note", role: "status" }, "A table with a row a step and a column a feature. It stays on this machine.");
  const drop = h("label", { class: "drop", for: "series" }, h("strong", {}, "Drop a .csv file here"), " or choose one", file);
  const sample = h("button", { class: "quiet", onclick: () => took("a sine wave of 400 steps", wave()) }, "Take a sine wave");
  const number = (name, label, value, placeholder) => h("label", {}, label, h("input", { name, type: "number", min: 1, max: 9999, value, placeholder }));
  const backend = h("select", { name: "backend" }, config.backends.map((name) => h("option", {}, name)));
  const scale = h("input", { type: "checkbox", name: "scale", checked: true });
  const start = h("button", { class: "main", onclick: train }, "Train");
  const stop = h("button", { onclick: () => post("stop", {}), disabled: true }, "Stop");
  const fields = h("div", { class: "fields" },
    number("epochs", "epochs", 20), number("steps", "window steps", "", "as the spec"), number("horizon", "steps ahead", "", "as the spec"),
    h("label", {}, "backend", backend), h("label", { class: "check" }, scale, "scale features"));
  const chart = h("div", { class: "chart" });
  const said = h("pre", { class: "log", tabindex: "0", "aria-label": "What the training says", hidden: true });
  panel.replaceChildren(
    h("p", { class: "lead" }, "Train it for a minute on a series of yours."), drop,
    h("div", { class: "heading" }, named, sample), fields, h("p", { class: "buttons" }, start, stop), chart, said,
  );

  panel.addEventListener("dragover", (event) => (event.preventDefault(), drop.classList.add("over")));
  panel.addEventListener("dragleave", () => drop.classList.remove("over"));
  panel.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });

  async function take(chosen) {
    if (chosen) took(chosen.name, await chosen.text());
  }
  function took(name, text) {
    series = text;
    named.textContent = `${name}: ${text.trim().split("\n").length.toLocaleString("en")} lines`;
  }
  function post(where, body) {
    return fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  async function train() {
    if (!series) return (named.textContent = "First drop a .csv file, or take the sine wave.");
    const { text, language, dims } = written();
    if (language !== "spec") return (named.textContent = "A spec is trained: take the Keras code over as a spec first.");
    const options = { series, dims, scale: scale.checked, backend: backend.value };
    for (const input of fields.querySelectorAll("[type=number]")) if (input.value) options[input.name] = Number(input.value);
    start.disabled = true;
    stop.disabled = false;
    said.hidden = false;
    said.textContent = "Loading the backend ...\n";
    chart.replaceChildren();
    const history = {};
    try {
      const response = await post("train", { text, options });
      if (!response.ok) throw new Error(await response.text());
      for await (const event of lines(response.body)) {
        if (event.epoch) {
          for (const [name, value] of Object.entries(event.numbers)) (history[name] ??= []).push(value);
          chart.replaceChildren(draw(history, event.of));
        } else if (event.line !== undefined) said.textContent += `${event.line}\n`;
        else if (event.ended) said.textContent += `\n${{ done: "Done.", failed: "It did not come to an end." }[event.ended] ?? `${event.ended}.`}\n`;
        said.scrollTop = said.scrollHeight;
      }
    } catch (error) {
      said.textContent += `${error.message}\n`;
    }
    start.disabled = false;
    stop.disabled = true;
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function wave() {
  const rows = Array.from({ length: 400 }, (_, i) => (Math.sin(i / 6) + 0.3 * Math.sin(i / 2.3)).toFixed(4));
  return `wave\n${rows.join("\n")}\n`;
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The curves of all numbers that were told. */
function draw(history, epochs) {
  const values = Object.values(history).flat().filter(Number.isFinite);
  const [low, high] = [Math.min(...values, 0), Math.max(...values, 1e-9)];
  const x = (i) => EDGE.left + ((WIDTH - EDGE.left - EDGE.right) * i) / Math.max(1, epochs - 1);
  const y = (value) => HEIGHT - EDGE.bottom - ((HEIGHT - EDGE.top - EDGE.bottom) * (value - low)) / (high - low);
  const ticks = [low, (low + high) / 2, high].map((value) => [
    svg("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value), class: "grid" }),
    svg("text", { x: EDGE.left - 8, y: y(value) + 4, "text-anchor": "end" }, value.toPrecision(2)),
  ]);
  const names = Object.keys(history);
  const curves = names.map((name, n) => {
    const points = history[name].map((value, i) => [i, value]).filter(([, value]) => Number.isFinite(value));
    return svg("polyline", { points: points.map(([i, value]) => `${x(i)},${y(value)}`).join(" "), class: COLOURS[n % COLOURS.length] });
  });
  const legend = names.map((name, n) => h("li", { class: COLOURS[n % COLOURS.length] }, `${name} ${history[name].at(-1).toPrecision(4)}`));
  const last = history[names[0]].length;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Epoch ${last} of ${epochs}` },
    ...ticks.flat(), ...curves, svg("text", { x: EDGE.left, y: HEIGHT - 6 }, `epoch ${last} of ${epochs}`));
  return h("div", {}, picture, h("ul", { class: "legend" }, legend));
}
