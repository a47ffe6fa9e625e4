"""Say in Keras' words what a message says in those of a spec: ``LSTM(64, return_sequences=True)`` for
``lstm(64,seq)``, and ``Input(shape=(None, 8))`` for ``in(?,8)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from seqtopo.code.phrases import ENGLISH, PHRASES
from seqtopo.graph import buildable
from seqtopo.layers.objects import BARE_ACTIVATIONS
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import REQUIRED, Param, Row
from seqtopo.report.analyse import analyse, unbuildable
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import print_expr


class Style(NamedTuple):
    """The spelling of Python code: the quotes, and the text of each symbol that the code knows.

    In a message symbols keep their names; where ``symbols`` are given, another one is None in a shape, and
    cannot be said elsewhere.
    """

    quote: str = '"'
    symbols: Mapping[str, str] | None = None


class UnknownSymbolError(Exception):
    """Raised if code has no text for a symbol where a number is needed."""


MESSAGE = Style()
_SHORT_FLAGS = {"seq": "return_sequences=True", "nobias": "use_bias=False", "init": "initial_state"}
# A pattern of all names would take long to compile, so each word is looked up.
_WORD = r"[A-Za-z_]\w*"
_STEP = re.compile(rf"(?<![\w.]){_WORD}(?=\()|(?<![\w.']){_WORD}(?![\w(=.-])|\[")
_ARROW = re.compile(r"\s*->\s*")
_BARE = re.compile(rf"(?<![\w.`=\"])({_WORD})(?![\w(=.])")
_FLAG = re.compile(rf"(?<![\w.=`'-])({'|'.join(_SHORT_FLAGS)})(?![\w(.-])")
_TAKEN_OUT = re.compile(rf"(?<=\btake ){_WORD}(?= out(?:, to keep|: there (?:is nothing|are steps)))")
_WITHOUT_VALUE = re.compile(rf"\b{_WORD}(?=\(\w+=\.\.\.\))")
_ENDS_TIME = re.compile(r"^In [\w, ]+(?= the time axis)")
_SHAPE = re.compile(r"\((?:[^()]|\([^()]*\)){0,80}\)")


def keras_words(text: str, head: bool = False) -> str:
    """Return a message in Keras' words; in a ``head``line the first word may be a layer's name.

    >>> keras_words("add takes values of one shape", head=True)
    'Add takes values of one shape'
    >>> keras_words("add seq to the lstm before it, to keep its steps")
    'add return_sequences=True to the LSTM before it, to keep its steps'
    >>> keras_words("or repeat the vector at every step: repeat(T)")
    'or repeat the vector at every step: RepeatVector(T)'
    """
    if not text:
        return text
    for pattern, words in PHRASES:
        text = re.sub(pattern, words, text)
    text = _ENDS_TIME.sub(lambda m: re.sub(r"\w+", lambda word: _keras_name(word[0]), m[0]), text)
    text = _TAKEN_OUT.sub(lambda m: _keras_name(m[0]), text)
    text = _snippets(text)
    text = _WITHOUT_VALUE.sub(lambda m: _keras_name(m[0]), text)
    text = _FLAG.sub(lambda m: _SHORT_FLAGS[m[1]], text)
    text = _BARE.sub(_bare, text)
    text = re.sub(r"(?<=\)) -> (?=\w+\()", ", ", text)
    if head:
        text = re.sub(r"^(\w+)(?= (?!layer)\w)", lambda m: _keras_name(m[1]), text)
    return _SHAPE.sub(lambda m: re.sub(r"(?<=[(, ])\?(?=[,) ])", "None", m[0]), text)


def _keras_name(word: str) -> str:
    """Return Keras' name for a layer's name, and any other word as it is."""
    row = NAMES.get(word)
    return row.keras if row is not None and row.keras else word


def _bare(match: re.Match[str]) -> str:
    word = match[1]
    row = NAMES.get(word)
    if row is None or not row.keras or word in ENGLISH:
        return word
    return row.keras


# ---- pieces of a spec in a message -------------------------------------------------------------------------


def _snippets(text: str) -> str:
    """Return a message with the flows that stand in it as Keras has them."""
    done: list[str] = []
    at = 0
    while at < len(text):
        match = next((m for m in _STEP.finditer(text, at) if _is_step(m[0])), None)
        if match is None:
            break
        begin = match.start()
        arrow = re.search(r"->\s*$", text[at:begin])
        head = at + arrow.start() if arrow else begin
        end, steps = _flow(text, begin, arrow is not None)
        if not steps:
            done.append(text[at : match.end()])
            at = match.end()
            continue
        done += [text[at:head], in_a_row(steps)]
        at = end
    return "".join([*done, text[at:]])


def _is_step(word: str) -> bool:
    """Return whether a step or a list of a spec may begin with a word."""
    return word in NAMES or word in ("[", "in", "res")


def _flow(text: str, begin: int, arrow: bool) -> tuple[int, list[str]]:
    """Return the end of a flow that begins at a place, and its steps as Keras has them."""
    steps: list[str] = []
    end = begin
    at = begin
    while True:
        stop = _step_end(text, at)
        if stop is None:
            break
        written = text[at:stop]
        more = _ARROW.match(text, stop)
        alone = not steps and more is None and not arrow
        if alone and (written.startswith("[") or not written.endswith(")")):
            return begin, []  # a word of English, or a list of numbers
        made = _keras_step(written)
        if made is None:
            break
        if made:
            steps.append(made)
        end = stop
        if more is None or more.end() >= len(text):
            break
        at = more.end()
    return end, steps


def _step_end(text: str, at: int) -> int | None:
    match = _STEP.match(text, at) or re.compile(r"\.\.\.").match(text, at)
    if match is None or not (match[0] == "..." or _is_step(match[0])):
        return None
    opening = match.end() - 1 if match[0] == "[" else match.end()
    if opening >= len(text) or text[opening] not in "([":
        return match.end()
    depth = 0
    for i in range(opening, min(len(text), opening + 400)):
        depth += (text[i] in "([") - (text[i] in ")]")
        if depth == 0:
            return i + 1
    return None


def _keras_step(written: str) -> str | None:
    """Return a step as Keras has it; None if it is none."""
    if written == "...":
        return "..."
    spec, found = parse(Source(f"x = {written}"))
    if spec is None or found or len(spec.statements) != 1:
        return None
    (statement,) = spec.statements
    return keras_text(statement.value) if isinstance(statement, tree.Bind) else None


def in_a_row(steps: list[str]) -> str:
    """Return steps as a text: ``LSTM(8), Dense(1)``, or ``Add()([a, b])`` if a list comes first."""
    if len(steps) > 1 and steps[0].startswith("["):
        steps = [f"{steps[1]}({steps[0]})", *steps[2:]]
    return ", ".join(steps)


@cache
def operation(step: str) -> str:
    """Return the Keras code for a step that is no layer, with the value ``x``; "" if it takes several lines.

    >>> operation("at(-1)"), operation("flip")
    ('x[:, -1]', 'ops.flip(x, axis=1)')
    """
    # Few messages name such a step, and it takes long to load.
    from seqtopo.emit.python.write import python_of

    for source in ("in(24,16)", "in(16)", "in(24,1)", "in(24,int)"):
        checked = analyse(f"{source} -> {step}")
        if checked.resolved is None or not checked.ok or unbuildable(checked):
            continue  # such as last(N): there is no code before N has a number
        lines = [line.strip() for line in python_of(checked, buildable.MAX_PARAMS, "").splitlines()]
        found = [line for line in lines if "inputs" in line and " = " in line and "Input(" not in line]
        if len(found) != 1:
            return ""
        code = found[0].partition(" = ")[2].partition("  #")[0]
        layer = code.startswith("layers.")
        code = re.sub(r'(?:, )?(?:name|dtype)="[^"]*"', "", code).replace("(, ", "(")
        code = code.removeprefix("layers.").removesuffix("(inputs)") if layer else code
        return re.sub(r"\binputs\b", "x", code)
    return ""


def keras_text(node: tree.Expr, style: Style = MESSAGE) -> str | None:
    """Return a step of a spec as Keras code; None if there is none for it.

    >>> from seqtopo.syntax.parse import parse
    >>> def written(text):
    ...     return keras_text(parse(Source(f"x = {text}"))[0].statements[0].value)
    >>> written("bi(lstm(64,seq),sum)"), written("in(T,8)")
    ('Bidirectional(LSTM(64, return_sequences=True), merge_mode="sum")', 'Input(shape=(T, 8))')
    """
    if isinstance(node, tree.List):
        items = [keras_text(item, style) if not _is_name(item, "id") else "x" for item in node.items]
        return f"[{', '.join(i for i in items if i)}]" if all(items) else None
    if isinstance(node, tree.Flow):
        steps = [keras_text(step, style) for step in node.steps]
        return in_a_row([s for s in steps if s]) if all(steps) else None
    if isinstance(node, tree.Name):
        if node.name == "id":
            return "x"
        row = NAMES.get(node.name)
        if row is None:
            return node.name
        return f"{row.keras}()" if row.keras else operation(node.name) or node.name
    if not isinstance(node, tree.Call):
        return None
    if node.name.name == "in":
        return input_text(node, style)
    row = NAMES.get(node.name.name)
    if row is None:
        return None
    given = arguments(row, node)
    if given is None:
        return None
    if not row.keras or (row.emit and row.operation({param.name: True for param, _ in given})):
        return operation(print_expr(node)) or None
    return call_text(row, given, style)


def _is_name(node: tree.Expr, name: str) -> bool:
    return isinstance(node, tree.Name) and node.name == name


def parameter_of(row: Row, arg: tree.Argument, place: int) -> tuple[Param | None, Any, int]:
    """Return the parameter that an argument of a step is for, its value, and the number of places taken then.

    None where the row has no such parameter.
    """
    value = arg.value
    if arg.name is not None:
        return row.by_name.get(arg.name.name), value, place
    if isinstance(value, tree.Name) and value.name in row.flags:
        return *row.flags[value.name], place
    if place >= len(row.positional):
        return None, value, place
    several = row.positional[place].endswith("*")
    return row.by_place[place], value, place if several else place + 1


def arguments(row: Row, call: tree.Call) -> list[tuple[Param, Any]] | None:
    """Return the arguments of a step by their parameters; None if one is none of the row's."""
    found: dict[str, tuple[Param, Any]] = {}
    place = 0
    for arg in call.args:
        before = place
        param, value, place = parameter_of(row, arg, place)
        if param is None:
            return None
        if arg.name is None and value is arg.value and place == before:
            # One of several values at one place.
            value = [*(found[param.name][1] if param.name in found else ()), value]
        found[param.name] = (param, value)
    return list(found.values())


def call_text(row: Row, given: list[tuple[Param, Any]], style: Style = MESSAGE) -> str:
    """Return a call of a Keras layer: arguments that Keras has first by position, the rest by name."""
    written: list[str] = []
    order = [param for param in row.params if not param.call]
    for i, (param, value) in enumerate(given):
        text = value_text(value, style)
        by_place = param.default is REQUIRED and i < len(order) and order[i] is param
        written.append(text if by_place else f"{param.keras_name or param.name}={text}")
    return f"{row.keras}({', '.join(written)})"


def value_text(value: Any, style: Style = MESSAGE) -> str:
    """Return a value of a spec, as a tree or plain, as Python writes it."""
    if isinstance(value, list):
        items = [value_text(v, style) for v in value]
        if len(items) == 1 and isinstance(value[0], tree.Tuple):
            return items[0]
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    if isinstance(value, tree.Tuple):
        return value_text(list(value.items), style) if value.items else "()"
    if isinstance(value, tree.List):
        return f"[{', '.join(value_text(v, style) for v in value.items)}]"
    if isinstance(value, tree.Unknown):
        return "-1"  # as in reshape; an input is written by another function
    if isinstance(value, tree.Name):
        words = {"true": "True", "false": "False", "none": "None", "time": "1", "features": "-1"}
        row = NAMES.get(value.name)
        if value.name in words:
            return words[value.name]
        if value.is_symbol:
            return _symbol(value.name, style)
        if row is not None and row.keras and value.name not in BARE_ACTIVATIONS:
            return f"{row.keras}()"
        return f"{style.quote}{value.name}{style.quote}"
    if isinstance(value, tree.String):
        return f"{style.quote}{value.value}{style.quote}"
    if isinstance(value, tree.Number):
        return repr(value.value)
    if isinstance(value, tree.Negative):
        return f"-{value_text(value.body, style)}"
    if isinstance(value, (tree.Call, tree.Flow)):
        return keras_text(value, style) or print_expr(value)
    if isinstance(value, (tree.Arithmetic, tree.Group)):
        return re.sub(r"\b[A-Z]\w*\b", lambda m: f"{_symbol(m[0], style)}", print_expr(value))
    if isinstance(value, str):
        return f"{style.quote}{value}{style.quote}"
    return repr(value) if not isinstance(value, tree.Node) else print_expr(value)


def _symbol(name: str, style: Style) -> str:
    if style.symbols is None:
        return name
    if name not in style.symbols:
        raise UnknownSymbolError(name)
    return style.symbols[name]


def input_text(call: tree.Call, style: Style = MESSAGE) -> str:
    """Return an ``in(...)`` as a call of ``Input``."""
    parts = input_parts(call, style)
    return f"Input({', '.join(f'{key}={text}' for key, text in parts.items())})"


def input_parts(call: tree.Call, style: Style = MESSAGE) -> dict[str, str]:
    """Return the arguments of ``Input`` for an ``in(...)``, as Python writes them, by their names."""
    sizes: list[Any] = []
    more: dict[str, str] = {}
    for arg in call.args:
        if arg.name is not None and arg.name.name == "batch":
            more["batch_size"] = value_text(arg.value, style)
        elif isinstance(arg.value, tree.Name) and not arg.value.is_symbol:
            dtype = "int32" if arg.value.name == "int" else arg.value.name
            more["dtype"] = f"{style.quote}{dtype}{style.quote}"
        elif isinstance(arg.value, tree.Call):
            more["dtype"] = f"{style.quote}int32{style.quote}"
        elif arg.name is None:
            sizes.append(_known_size(arg.value, style))
    return {"shape": value_text(sizes, style) if sizes else "()", **more}


def _known_size(size: tree.Expr, style: Style) -> tree.Expr:
    """Return a size of an input; an open one where the code knows no name for it."""
    try:
        value_text(size, style)
    except UnknownSymbolError:
        return tree.Name(size.span, "none")
    return tree.Name(size.span, "none") if isinstance(size, tree.Unknown) else size


def keras_title(title: str) -> str:
    """Return a layer as Keras has it, from its title in a spec: ``Flatten`` for ``flatten``."""
    row = NAMES.get(title)
    if row is not None and row.keras:
        return row.keras
    return _snippets(title)


def with_arguments(title: str, given: Mapping[str, Any]) -> str:
    """Return the title of a layer with more arguments, given as words.

    >>> with_arguments("Conv1D(8, 3)", {"padding": "same"})
    'Conv1D(8, 3, padding="same")'
    """
    more = [f'{key}="{word}"' for key, word in given.items() if f'"{word}"' not in title]
    if not more or not re.fullmatch(r"\w+(?:\(.*\))?", title):
        return title
    if title.endswith(")"):
        return f"{title[:-1]}, {', '.join(more)})"
    return f"{title}({', '.join(more)})"
