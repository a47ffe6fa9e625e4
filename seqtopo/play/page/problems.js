// The findings below the editor: each with its place, what it says, and the ways out.
import { changes, h, offsets } from "./text.js";

/**
 * Show findings in a list. `apply(fix)` makes the edits of a fix, `select(from, to)` shows a place,
 * `explain(code)` shows a code's page.
 */
export function showProblems(list, text, findings, { apply, select, explain }) {
  const at = offsets(text);
  list.replaceChildren(
    ...findings.map((one) => {
      const placed = one.start !== null;
      const head = h(
        "div", { class: "head" },
        h("span", { class: "severity" }, one.severity === "info" ? "note" : one.severity),
        h("button", { class: "code", title: "What it means", onclick: () => explain(one.code) }, one.code),
        placed && h("button", { class: "place", onclick: () => select(at(one.start), at(one.end)) }, `line ${one.line}`),
      );
      const fixes = one.fixes.map((fix) =>
        h("button", { class: "fix", title: preview(text, fix), onclick: () => apply(fix) }, fix.title),
      );
      return h(
        "li", { class: one.severity }, head,
        h("p", { class: "message" }, one.message),
        one.label && h("p", { class: "label" }, one.label),
        one.labels.map((label) => h("p", { class: "label" }, `line ${label.line}: ${label.text}`)),
        one.notes.map((note) => h("p", {}, note)),
        one.help && !fixes.length && h("p", {}, `help: ${one.help}`),
        fixes.length > 0 && h("div", { class: "fixes" }, fixes),
      );
    }),
  );
}

function preview(text, fix) {
  const made = changes(text, fix).map((edit) => {
    const before = text.slice(edit.from, edit.to).trim();
    const after = edit.insert.trim();
    if (!before) return `put in: ${after}`;
    return after ? `${before} becomes ${after}` : `take out: ${before}`;
  });
  return made.join("\n");
}

/** Findings as the editor marks them. */
export function marks(text, findings, apply) {
  const at = offsets(text);
  return findings
    .filter((one) => one.start !== null)
    .map((one) => ({
      from: at(one.start),
      to: Math.max(at(one.end), Math.min(at(one.start) + 1, text.length)),
      severity: one.severity,
      source: one.code,
      message: [one.message, one.label].filter(Boolean).join("\n"),
      actions: one.fixes.map((fix) => ({ name: fix.title, apply: () => apply(fix) })),
    }));
}

/** The edits of all safe fixes that do not meet, and how many there are. */
export function safeFixes(text, findings) {
  const taken = [];
  let count = 0;
  for (const one of findings) {
    const fix = one.fixes.find((fix) => fix.safe);
    if (!fix) continue;
    const edits = changes(text, fix);
    if (edits.some((a) => taken.some((b) => a.from <= b.to && b.from <= a.to))) continue;
    taken.push(...edits);
    count += 1;
  }
  return { edits: taken.sort((a, b) => a.from - b.from), count };
}

/** How many there are of each, in words. */
export function summary(findings) {
  const words = { error: "error", warning: "warning", info: "note" };
  const parts = Object.entries(words).map(([severity, word]) => {
    const count = findings.filter((one) => one.severity === severity).length;
    return count && `${count} ${word}${count > 1 ? "s" : ""}`;
  });
  return parts.filter(Boolean).join(", ") || "No problems";
}
