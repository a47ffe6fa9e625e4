// The editor: CodeMirror, or a plain text field where it cannot be had. Both take and give the same.

const KEYWORDS = new Set(["let", "def", "train", "for", "in", "as", "is", "res", "id"]);

/**
 * Make the editor in an element.
 *
 * `changed()` is called when the text changes, `keys` are shortcuts and what they do, `layers()` gives
 * [name, about, example] of each layer, `findings()` the places to mark: { from, to, severity, message, fixes }.
 */
export async function makeEditor(parent, options) {
  try {
    return rich(await import("./codemirror.js"), parent, options);
  } catch (error) {
    console.warn("the editor is a plain field:", error);
    return plain(parent, options);
  }
}

function plain(parent, { changed, keys, label }) {
  const field = document.createElement("textarea");
  field.spellcheck = false;
  field.autocapitalize = "off";
  field.setAttribute("aria-label", label);
  field.addEventListener("input", changed);
  field.addEventListener("keydown", (event) => {
    const run = keys[`Mod-${event.key}`];
    if ((event.ctrlKey || event.metaKey) && run) {
      event.preventDefault();
      run();
    }
  });
  parent.replaceChildren(field);
  return {
    text: () => field.value,
    setText(text) {
      field.value = text;
      changed();
    },
    change(edits) {
      for (const edit of [...edits].reverse()) field.setRangeText(edit.insert, edit.from, edit.to, "end");
      changed();
    },
    mark() {},
    setLanguage() {},
    select(from, to) {
      field.focus();
      field.setSelectionRange(from, to);
    },
    focus: () => field.focus(),
  };
}

function rich(cm, parent, { changed, keys, layers, label }) {
  const language = new cm.Compartment();
  const names = new Map();
  const spec = specLanguage(cm, names);
  const bindings = Object.entries(keys).map(([key, run]) => ({ key, run: () => (run(), true), preventDefault: true }));

  function complete(context) {
    const word = context.matchBefore(/[\p{L}_]\w*/u);
    if (!word || (word.from === word.to && !context.explicit)) return null;
    const options = [...names].map(([name, [about, example]]) => ({ label: name, type: "function", info: `${about}\n${example}` }));
    for (const name of KEYWORDS) if (!names.has(name)) options.push({ label: name, type: "keyword" });
    return { from: word.from, options, validFor: /^\w*$/ };
  }

  const languages = {
    spec: [spec, cm.autocompletion({ override: [complete], icons: false })],
    python: [cm.python(), cm.autocompletion({ override: [] })],
  };
  const view = new cm.EditorView({
    parent,
    state: cm.EditorState.create({
      extensions: [
        cm.Prec.high(cm.keymap.of(bindings)),
        cm.lineNumbers(),
        cm.highlightSpecialChars(),
        cm.history(),
        cm.drawSelection(),
        cm.bracketMatching(),
        cm.closeBrackets(),
        cm.highlightActiveLine(),
        cm.highlightActiveLineGutter(),
        cm.EditorView.lineWrapping,
        cm.syntaxHighlighting(colours(cm)),
        language.of(languages.spec),
        cm.keymap.of([...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.historyKeymap, ...cm.completionKeymap, ...cm.lintKeymap]),
        cm.EditorView.contentAttributes.of({ "aria-label": label, autocapitalize: "off", spellcheck: "false" }),
        cm.EditorView.updateListener.of((update) => update.docChanged && changed()),
      ],
    }),
  });
  layers().then((found) => {
    for (const [name, about, example] of found) names.set(name, [about, example]);
    // Colours depend on the names: read the text once more.
    view.dispatch({ effects: language.reconfigure(languages[current]) });
  });
  let current = "spec";
  return {
    text: () => view.state.doc.toString(),
    setText(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    change(edits) {
      view.dispatch({ changes: edits, userEvent: "input.fix" });
    },
    mark(found) {
      const length = view.state.doc.length;
      const marks = found.map((one) => ({ ...one, from: Math.min(one.from, length), to: Math.min(one.to, length) }));
      view.dispatch(cm.setDiagnostics(view.state, marks));
    },
    setLanguage(name) {
      if (name === current) return;
      current = name;
      view.dispatch({ effects: language.reconfigure(languages[name]) });
    },
    select(from, to) {
      view.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: true });
      view.focus();
    },
    focus: () => view.focus(),
  };
}

/** A text that is shown and cannot be changed. */
export async function makeViewer(parent, label, language) {
  try {
    const cm = await import("./codemirror.js");
    const view = new cm.EditorView({
      parent,
      state: cm.EditorState.create({
        extensions: [
          cm.EditorState.readOnly.of(true),
          cm.syntaxHighlighting(colours(cm)),
          language === "python" ? cm.python() : specLanguage(cm, new Map()),
          cm.EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
        ],
      }),
    });
    return (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  } catch {
    const shown = document.createElement("pre");
    shown.tabIndex = 0;
    parent.append(shown);
    return (text) => (shown.textContent = text);
  }
}

function colours(cm) {
  const { tags } = cm;
  const rows = [
    [tags.comment, "comment"], [tags.keyword, "keyword"], [tags.string, "string"], [tags.number, "number"],
    [tags.bool, "number"], [tags.null, "number"], [tags.operator, "operator"], [tags.function(tags.variableName), "layer"],
    [tags.function(tags.propertyName), "layer"], [tags.definition(tags.variableName), "name"], [tags.special(tags.variableName), "size"],
    [tags.definitionKeyword, "keyword"], [tags.controlKeyword, "keyword"], [tags.moduleKeyword, "keyword"],
  ];
  return cm.HighlightStyle.define(rows.map(([tag, name]) => ({ tag, class: `tok-${name}` })));
}

function specLanguage(cm, names) {
  return cm.StreamLanguage.define({
    name: "seqtopo",
    languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "["] } },
    tokenTable: { size: cm.tags.special(cm.tags.variableName), layer: cm.tags.function(cm.tags.variableName) },
    token(stream) {
      if (stream.eatSpace()) return null;
      if (stream.match(/^#.*/)) return "comment";
      if (stream.match(/^"[^"]*"?|^'[^']*'?/)) return "string";
      if (stream.match(/^(->|→|[=*+\/%?|-])/)) return "operator";
      if (stream.match(/^\d[\d_]*(\.\d+)?([eE][+-]?\d+)?/)) return "number";
      const word = stream.match(/^[\p{L}_][\p{L}\p{N}_]*/u);
      if (!word) {
        stream.next();
        return null;
      }
      if (KEYWORDS.has(word[0])) return "keyword";
      if (names.has(word[0]) || /^\s*\(/.test(stream.string.slice(stream.pos))) return "layer";
      return /^\p{Lu}/u.test(word[0]) ? "size" : null;
    },
  });
}
