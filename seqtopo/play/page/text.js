// Elements made of plain text, and places in a text. Nothing on the page is made of HTML in a string.

/** An element with attributes and children; strings among the children become text. */
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

/** A function from offsets in code points, which Python counts, to offsets in this text. */
export function offsets(text) {
  if (!/[\ud800-\udbff]/.test(text)) return (at) => Math.min(at, text.length);
  const starts = [];
  let at = 0;
  for (const character of text) {
    starts.push(at);
    at += character.length;
  }
  return (place) => (place < starts.length ? starts[place] : text.length);
}

/** The edits of a fix as places in this text, in order. */
export function changes(text, fix) {
  const at = offsets(text);
  return fix.edits
    .map((edit) => ({ from: at(edit.start), to: at(edit.end), insert: edit.text }))
    .sort((a, b) => a.from - b.from || a.to - b.to);
}

/** Text with parts between backquotes as code. */
export function prose(text) {
  return text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

let hiding = 0;
/** Say something for a few seconds. */
export function toast(text) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (place.hidden = true), 4000);
}

/** Give the reader a file. */
export function download(name, data, type) {
  const url = URL.createObjectURL(data instanceof Blob ? data : new Blob([data], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
