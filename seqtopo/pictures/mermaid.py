"""Write a plan as a Mermaid flowchart, which GitHub and others draw where it stands in Markdown."""

from __future__ import annotations

from seqtopo.pictures.plan import Block, Plan
from seqtopo.pictures.scene import MARK

_SHAPES = {"input": ("([", "])"), "output": ("([", "])"), "merge": ("{{", "}}")}
_ARROWS = {"data": "-->", "state": "-.->", "mask": "-.->", "dropped": "-.->"}
_ROOM = '%%{init: {"flowchart": {"subGraphTitleMargin": {"bottom": 16}}}}%%'
"""Room without which the first box of a frame would cover the frame's title."""


def mermaid(plan: Plan, direction: str = "down") -> str:
    """Return the flowchart, without the fence around it."""
    chart = "flowchart LR" if direction == "right" else "flowchart TD"
    framed = any(block.inner is not None for block in plan.blocks)
    head = [_ROOM, chart] if framed else [chart]
    return "\n".join([*head, *_level(plan, "n", "    "), *_marks(plan, "n")]) + "\n"


def _marks(plan: Plan, prefix: str) -> list[str]:
    """Return the lines that let the marked boxes stand out."""
    lines: list[str] = []
    for place, block in enumerate(plan.blocks):
        if block.marked:
            lines.append(f"    style {prefix}{place} stroke:{MARK[0]},stroke-width:3px")
        if block.inner is not None:
            lines += _marks(block.inner, f"{prefix}{place}_")
    return lines


def _level(plan: Plan, prefix: str, indent: str) -> list[str]:
    lines: list[str] = []
    for place, block in enumerate(plan.blocks):
        name = f"{prefix}{place}"
        if block.inner is not None:
            lines.append(f'{indent}subgraph {name}["{label(" ".join(_text(block))) or " "}"]')
            lines += _level(block.inner, f"{name}_", indent + "    ")
            lines.append(f"{indent}end")
        elif block.family not in ("entry", "exit"):
            opening, closing = _SHAPES.get(block.family, ("[", "]"))
            text = "<br/>".join(map(label, _text(block))) or " "
            lines.append(f'{indent}{name}{opening}"{text}"{closing}')
        elif _parts(plan, place):
            lines.append(f'{indent}{name}((" "))')
        if block.loop:
            lines.append(f'{indent}{name} -.->|"{label(", ".join(block.loop))}"| {name}')
    if plan.back is not None:
        outputs = [place for place, block in enumerate(plan.blocks) if block.family == "output"]
        fed = next(place for place, block in enumerate(plan.blocks) if plan.back.node in block.nodes)
        words = label(plan.back.words)
        lines.append(f'{indent}{prefix}{outputs[plan.back.output]} -.->|"{words}"| {prefix}{fed}')
    for arrow in plan.arrows:
        source, target = plan.blocks[arrow.source], plan.blocks[arrow.target]
        inside = source.family == "entry"
        if target.family == "exit" or (inside and not _parts(plan, arrow.source)):
            continue
        role, words = target.slots[arrow.slot], source.ports[arrow.port].label
        text = label(": ".join(part for part in (role, "" if inside else words) if part))
        between = f'|"{text}"|' if text else ""
        for start in _boxes(plan, arrow.source, arrow.port, prefix, leaving=True):
            for end in _boxes(plan, arrow.target, arrow.slot, prefix, leaving=False):
                lines.append(f"{indent}{start} {_ARROWS[arrow.style]}{between} {end}")
    return lines


def _parts(plan: Plan, entry: int) -> bool:
    """Return whether the value of an entry goes to several blocks.

    It is then drawn as a place of its own, so that a skip within the frame does not begin outside of it.
    """
    if plan.blocks[entry].family != "entry":
        return False
    ways = [a for a in plan.arrows if a.source == entry and plan.blocks[a.target].family != "exit"]
    return len(ways) > 1


def _boxes(plan: Plan, place: int, number: int, prefix: str, *, leaving: bool) -> list[str]:
    """Return the boxes that an arrow begins at, or ends at.

    In a frame they are those beside its exit or entry of that ``number``.
    """
    name = f"{prefix}{place}"
    inner = plan.blocks[place].inner
    if inner is None:
        return [name]
    gate, other_gate = ("exit", "entry") if leaving else ("entry", "exit")
    found: list[str] = []
    for arrow in inner.arrows:
        at, box, port = (
            (arrow.target, arrow.source, arrow.port) if leaving else (arrow.source, arrow.target, arrow.slot)
        )
        block = inner.blocks[at]
        if block.family != gate or block.number != number or inner.blocks[box].family == other_gate:
            continue
        if _parts(inner, at):
            return [f"{name}_{at}"]
        found += _boxes(inner, box, port, f"{name}_", leaving=leaving)
    return found or [name]


def _text(block: Block) -> list[str]:
    """Return the lines in a box.

    If there are none, callers put a space there, as Mermaid needs some text.
    """
    found = [*block.beside, *([] if block.inner is not None else [block.title])]
    found += [", ".join(block.details)] if block.details else []
    found += [block.name] if block.name else []
    found += [block.params] if block.params else []
    found += [f"shared {block.tag}"] if block.tag else []
    return [part for part in found if part]


def label(text: str) -> str:
    """Return a text in quotation marks, in which nothing is read as Mermaid, Markdown, HTML or an icon.

    >>> label('lstm(64) "a" <b>'), label("query: (T, 8)"), label("fa:fa-car")
    ('lstm(64) #quot;a#quot; #lt;b#gt;', 'query: (T, 8)', 'fa#58;fa-car')
    """
    return "".join(
        char if _is_plain(char, text[i + 1 : i + 2]) else f"#{_NAMED.get(char, str(ord(char)))};"
        for i, char in enumerate(text)
    )


def _is_plain(char: str, following: str) -> bool:
    return char.isalnum() or char in " (),./=_+-×…?" or (char == ":" and following == " ")


_NAMED = {'"': "quot", "<": "lt", ">": "gt", "&": "amp"}
