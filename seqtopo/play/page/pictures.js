// The two drawings. A drawing is shown as an image, in which nothing can run.
import { download, h } from "./text.js";

/** A figure with its buttons; `show(found)` takes what Python answered. */
export function makeFigure(figure, title, name) {
  let found = null;
  let url = "";
  let zoom = 0; // 0: as large as fits
  const image = h("img", { alt: "" });
  const place = h("div", { class: "frame", tabindex: "0", role: "group", "aria-label": `${title}, scrollable` }, image);
  const note = h("p", { class: "note", hidden: true });
  const button = (label, shown, run) => h("button", { class: "quiet icon", "aria-label": `${label}: ${title}`, title: label, onclick: run }, shown);
  const figcaption = h(
    "figcaption", {}, h("h2", {}, title),
    h("span", {},
      button("Smaller", "−", () => setZoom(current() / 1.25)),
      button("As it fits", "⤢", () => setZoom(0)),
      button("Larger", "+", () => setZoom(current() * 1.25)),
    ),
  );
  figure.append(figcaption, place, note);
  place.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    setZoom(current() * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  }, { passive: false });

  function current() {
    return zoom || (found?.svg ? image.clientWidth / found.width : 1) || 1;
  }
  function setZoom(to) {
    zoom = to && Math.min(6, Math.max(0.15, to));
    image.style.maxWidth = zoom ? "none" : "";
    image.style.maxHeight = zoom ? "none" : "";
    image.style.width = zoom && found ? `${found.width * zoom}px` : "";
  }

  return {
    show(answer) {
      note.hidden = !answer.refused;
      note.textContent = answer.refused ?? "";
      place.hidden = Boolean(answer.refused);
      if (answer.refused) return;
      found = answer;
      const before = url;
      url = URL.createObjectURL(new Blob([answer.svg], { type: "image/svg+xml" }));
      image.src = url;
      image.width = answer.width;
      image.height = answer.height;
      image.alt = `${answer.title}. ${answer.about}`;
      setZoom(zoom);
      if (before) setTimeout(() => URL.revokeObjectURL(before), 1000);
    },
    clear() {
      found = null;
      image.removeAttribute("src");
      image.alt = "";
      note.hidden = true;
    },
    async save(ending) {
      if (!found) return false;
      if (ending === "svg") download(`${name}.svg`, found.svg, "image/svg+xml");
      else download(`${name}.png`, await png(found), "image/png");
      return true;
    },
  };
}

/** The drawing as PNG, twice as large. */
async function png({ svg, width, height }) {
  const scale = Math.min(2, 16_000 / Math.max(width, height));
  const image = new Image(width, height);
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  image.src = url;
  await image.decode();
  const canvas = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
