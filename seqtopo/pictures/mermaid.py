"""A plan as a Mermaid flowchart, which GitHub and others draw where it stands in Markdown."""

from __future__ import annotations

from seqtopo.pictures.plan import Block, Plan

_SHAPES = {"input": ("([", "])"), "output": ("([", "])"), "merge": ("{{", "}}")}
_ARROWS = {"data": "-->", "state": "-.->", "mask": "-.->", "dropped": "-.->"}


def mermaid(plan: Plan) -> str:
    """The flowchart, without the fence around it."""
    return "\n".join(["flowchart TD", *_level(plan, "n", "    ")]) + "\n"


def _level(plan: Plan, prefix: str, indent: str) -> list[str]:
    lines: list[str] = []
    for place, block in enumerate(plan.blocks):
        name = f"{prefix}{place}"
        if block.inner is not None:
            lines.append(f'{indent}subgraph {name}["{label(" ".join(_said(block)))}"]')
            lines += _level(block.inner, f"{name}_", indent + "    ")
            lines.append(f"{indent}end")
        elif block.family not in ("entry", "exit"):
            opening, closing = _SHAPES.get(block.family, ("[", "]"))
            said = "<br/>".join(label(part) for part in _said(block))
            lines.append(f'{indent}{name}{opening}"{said}"{closing}')
    for arrow in plan.arrows:
        if plan.blocks[arrow.target].family == "exit":
            continue
        source = plan.blocks[arrow.source]
        if source.family == "entry":
            continue
        words = source.ports[arrow.port].label
        role = plan.blocks[arrow.target].slots[arrow.slot]
        said = label(": ".join(part for part in (role, words) if part))
        between = f'|"{said}"|' if said else ""
        for start in _starts(plan, arrow.source, arrow.port, prefix):
            for end in _ends(plan, arrow.target, arrow.slot, prefix):
                lines.append(f"{indent}{start} {_ARROWS[arrow.style]}{between} {end}")
    return lines


def _starts(plan: Plan, place: int, port: int, prefix: str) -> list[str]:
    """The boxes that an arrow begins at: in a frame, those that feed its exit."""
    block = plan.blocks[place]
    if block.inner is None:
        return [f"{prefix}{place}"]
    inner = block.inner
    return [
        name
        for arrow in inner.arrows
        if (end := inner.blocks[arrow.target]).family == "exit" and end.number == port
        for name in _starts(inner, arrow.source, arrow.port, f"{prefix}{place}_")
        if inner.blocks[arrow.source].family != "entry"
    ] or [f"{prefix}{place}"]


def _ends(plan: Plan, place: int, slot: int, prefix: str) -> list[str]:
    """The boxes that an arrow ends at: in a frame, those that its entry feeds."""
    block = plan.blocks[place]
    if block.inner is None:
        return [f"{prefix}{place}"]
    inner = block.inner
    return [
        name
        for arrow in inner.arrows
        if (start := inner.blocks[arrow.source]).family == "entry" and start.number == slot
        for name in _ends(inner, arrow.target, arrow.slot, f"{prefix}{place}_")
        if inner.blocks[arrow.target].family != "exit"
    ] or [f"{prefix}{place}"]


def _said(block: Block) -> list[str]:
    found = [*block.beside, *([] if block.inner is not None else [block.title])]
    found += [", ".join(block.details)] if block.details else []
    found += [block.name] if block.name else []
    found += [f"shared {block.tag}"] if block.tag else []
    return [part for part in found if part]


def label(text: str) -> str:
    """A text between quotation marks, in which nothing can be taken for Mermaid, Markdown or HTML.

    >>> label('lstm(64) "a" <b>')
    'lstm(64) #quot;a#quot; #lt;b#gt;'
    """
    return "".join(
        char if char.isalnum() or char in " (),.:/=_+-×…?" else f"#{_NAMED.get(char, str(ord(char)))};"
        for char in text
    )


_NAMED = {'"': "quot", "<": "lt", ">": "gt", "&": "amp"}
