// Shows the drawings that the extension sends, at the size that the reader has chosen.

"use strict";

const editor = acquireVsCodeApi();
const image = document.getElementById("drawing");
const said = document.getElementById("said");
const fit = document.getElementById("fit");
const kinds = [...document.querySelectorAll("[data-kind]")];
let scale = editor.getState()?.scale ?? null; // null: as large as the panel allows, and no larger than drawn

function resize() {
  fit.setAttribute("aria-pressed", String(scale === null));
  image.classList.toggle("fit", scale === null);
  if (scale === null) image.removeAttribute("width");
  else image.width = Math.round(image.naturalWidth * scale);
  editor.setState({ scale });
}

function zoom(factor) {
  const now = scale ?? image.clientWidth / image.naturalWidth;
  scale = Math.min(8, Math.max(0.1, now * factor));
  resize();
}

window.addEventListener("message", ({ data }) => {
  for (const button of kinds) button.setAttribute("aria-pressed", String(button.dataset.kind === data.kind));
  if (data.svg !== null) image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(data.svg)}`;
  else image.hidden = true;
  image.alt = data.title;
  image.style.colorScheme = data.theme;
  image.classList.toggle("stale", data.stale);
  said.textContent = data.error ? (data.stale ? `As it was before this mistake: ${data.error}` : data.error) : "";
});

for (const button of kinds) {
  button.addEventListener("click", () => editor.postMessage({ type: "kind", kind: button.dataset.kind }));
}
document.getElementById("smaller").addEventListener("click", () => zoom(1 / 1.25));
document.getElementById("larger").addEventListener("click", () => zoom(1.25));
fit.addEventListener("click", () => {
  scale = null;
  resize();
});
document.getElementById("paper").addEventListener(
  "wheel",
  (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  },
  { passive: false },
);
image.addEventListener("load", () => {
  image.hidden = false;
  resize();
});
resize();
editor.postMessage({ type: "ready" });
