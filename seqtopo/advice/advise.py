"""Advise on refusals: point at the layer that made the shape, and propose fixes.

This is one pass over all that ``resolve`` recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from seqtopo.advice.branches import behind_merge
from seqtopo.advice.failure_site import Site, causes, forgets_steps, maker, shaper
from seqtopo.advice.fixes import chain_of, fixes_of, least_length
from seqtopo.advice.rank_fixes import keep_steps
from seqtopo.advice.verify_fixes import Trial, verified, worth_trying
from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.graph import Graph, Node, Sources, Value
from seqtopo.graph.outside import upper
from seqtopo.graph.resolver import Resolution, diagnostic_of
from seqtopo.layers.values import Refusal
from seqtopo.syntax import tree

MOST_PROPOSED = 8
"""The most proposals for one refusal; those that do not help are removed later."""
_MOST_LABELS = 4


def advise(resolution: Resolution) -> list[Diagnostic]:
    """Return the diagnostics of all refusals, with their causes and with the fixes that help."""
    found = [_advised(refusal, resolution.sources) for refusal in resolution.refusals]
    found = list(_with_sizes_renamed(found, resolution))
    if found and worth_trying(resolution.size, resolution.source.text):
        found = _verified(found, resolution)
    return [replace(d, source=resolution.source) for d in found]


def _verified(found: list[Diagnostic], resolution: Resolution) -> list[Diagnostic]:
    """Return the diagnostics with those fixes that help, and after which no axis is read as another one."""
    text = resolution.source.text
    trial = Trial(text, resolution.graph, resolution.dims, resolution.shapes)
    return verified(found, text, lambda after: trial.recheck(after).diagnostics, trial.misreads)


def _advised(refusal: Refusal, sources: Sources) -> Diagnostic:
    """Return the diagnostic of a refusal, which is at the layer that made the shape if that is another."""
    if refusal.call is None:
        return diagnostic_of(refusal)
    graph, node, step = refusal.call
    if isinstance(node, Value):
        made = maker(graph, node)
        label = Label(made.span, f"gives {graph.tensor(node)}")
        return diagnostic_of(refusal, labels=(label,), fixes=tuple(keep_steps(made, sources.of(made))))
    return _of_call(refusal, Site(graph, node.layer.row, step, sources, node), node)


def _of_call(refusal: Refusal, site: Site, node: Node) -> Diagnostic:
    graph, at = site.graph, refusal.at
    labels: list[Label] = []
    notes = refusal.notes
    if at is not None and at[0] == "argument":
        labels += _given(graph, node, str(at[1]))
    if at is not None and at[0] in ("input", "inputs") and node.inputs:
        index = min(int(at[1]), len(node.inputs) - 1)
        for i in range(len(node.inputs)) if at[0] == "inputs" or len(node.inputs) > 1 else (index,):
            labels += _made(site, node.inputs[i], refusal.takes)
        if refusal.takes is not None:
            notes += _copy(site, node.inputs[index])
    notes = (*notes, *causes(refusal, site))
    way = chain_of(refusal, site)
    if way is not None:
        if len(way.shrinks) > 1 or refusal.code == "ST307":
            out = "time runs out" if _counted(site) == "steps" else "there is no place left"
            left = f"the {_counted(site)} on the way here" if refusal.code == "ST307" else out
            notes = (*notes, f"{left}: {way}")
        made, before, after = way.hardest
        if made.span not in (refusal.span, node.span, *(label.span for label in labels)):
            labels.append(Label(made.span, f"leaves {after} of {before} {_counted(site)}"))
    needed = least_length(site) if refusal.code == "ST306" and way is not None else None
    if needed is not None:
        notes = (*notes, f"the layers up to here need an input of {needed} {_counted(site)} or more")
    fixes = tuple(islice(fixes_of(refusal, site), MOST_PROPOSED))
    help = refusal.help
    if refusal.takes is not None and not help and not fixes and node.inputs:
        help = _in_words(refusal.takes, len(site.tensor(node.inputs[0]).shape))
    labels = list(dict.fromkeys(labels))
    if len(labels) > _MOST_LABELS:
        labels = [*labels[: _MOST_LABELS - 1], labels[-1]]
    return diagnostic_of(refusal, labels=tuple(labels), notes=notes, help=help, fixes=fixes)


def _with_sizes_renamed(found: list[Diagnostic], resolution: Resolution) -> Iterator[Diagnostic]:
    """Yield the diagnostics; those of sizes in lower case get one fix for all such sizes."""
    words = {word for refusal in resolution.refusals for word in refusal.words}
    fix = _renamed(resolution.spec, words) if words else None
    for refusal, diagnostic in zip(resolution.refusals, found, strict=True):
        if fix is None or not fix.edits or not refusal.words:
            yield diagnostic
        else:
            help = f"{fix.title}; or bind it: let {refusal.words[0]} = 24"
            yield replace(diagnostic, help=help, fixes=(fix,))


def _renamed(spec: tree.Spec, words: Iterable[str]) -> Fix:
    """Return the fix that writes words of a spec as sizes, wherever they stand."""
    taken = {node.name for node in tree.every(spec) if isinstance(node, tree.Name)}
    new: dict[str, str] = {}
    for word in sorted(words):
        free = (upper(word), word.upper(), *(f"{upper(word)}{i}" for i in range(1, 100)))
        new[word] = next(name for name in free if name not in taken)
        taken.add(new[word])
    fixed = {id(name) for node in tree.every(spec) for name in _no_sizes(node)}
    found = [n for n in tree.every(spec) if isinstance(n, tree.Name) and n.name in new and id(n) not in fixed]
    edits = {n.span: Edit(n.span, new[n.name]) for n in found}
    used = dict.fromkeys(new[n.name] for n in found)
    return Fix(f"write {', '.join(used)}", tuple(edits.values()))


def _no_sizes(node: tree.Node) -> Iterator[tree.Name]:
    """Yield the names in a node that are no sizes: those of calls, of bindings and of arguments."""
    match node:
        case tree.Call() | tree.As() | tree.Bind() | tree.Def() | tree.Binding() | tree.Parameter():
            yield node.name
        case tree.Argument(name=tree.Name() as name):
            yield name
        case tree.For() | tree.Loop():
            yield from node.targets
        case tree.Attribute():
            yield node.base
            yield from node.names


def _counted(site: Site) -> str:
    """Return the word for the lengths of a chain: steps of a sequence, or places of an image."""
    return "steps" if len(site.tensor(site.inputs[0]).shape) == 2 else "places"


def _given(graph: Graph, node: Node, argument: str) -> list[Label]:
    """Return labels for the layers that made the values of an argument."""
    labels = []
    for value in node.tensors.get(argument, ()):
        made, tensor = graph.nodes[value.node], graph.tensor(value)
        if tensor is not None and made.span != node.span:
            what = "its state is" if value.extra == "state" else "gives"
            labels.append(Label(made.span, f"{what} {tensor}"))
    return labels


def _made(site: Site, value: Value, takes: int | None) -> list[Label]:
    """Return labels at the layer that made a value's axes, or its sizes if these are wrong."""
    graph = site.graph
    made = maker(graph, value) if takes is not None else shaper(graph, value)
    forgetful = [b.made for b in behind_merge(graph, value) if forgets_steps(b.made)] if takes else []
    if forgetful:
        return [
            Label(node.span, f"gives {graph.tensor(Value(node.index))}: only its last step")
            for node in forgetful
        ]
    tensor = graph.tensor(value) if value.node == made.index else graph.tensor(Value(made.index))
    if tensor is None or site.node is None or made.span == site.node.span:
        return []
    why = ""
    if value.extra and value.node == made.index:
        why = f": its {value.extra}"
    elif forgets_steps(made):
        why = ": only its last step"
    elif made.layer is None and takes == 2 and len(tensor.shape) == 1:
        why = ": no time axis"
    return [Label(made.span, f"gives {tensor}{why}")]


def _copy(site: Site, value: Value) -> tuple[str, ...]:
    """Return a note if an earlier copy of a repeated layer made the value; else ()."""
    made = maker(site.graph, value)
    if site.node is None or made.span != site.node.span or not forgets_steps(made):
        return ()
    return (f"the copy before it gives {site.graph.tensor(Value(made.index))}: only its last step",)


def _in_words(takes: int, given: int) -> str:
    """Return the help for a wrong number of axes if no fix can be written."""
    if takes > given:
        return "declare the missing axis in the in(...), keep it in the layers before, or make it with expand"
    return "take an axis away first: last step (no seq), mean(time), flatten, or td(...) around the layer"
