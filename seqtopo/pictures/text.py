"""Write a scene as text for a terminal: box-drawing characters, or ASCII alone."""

from __future__ import annotations

from itertools import pairwise

from seqtopo.diag.renderers.cells import cell
from seqtopo.pictures.plan import Plan
from seqtopo.pictures.scene import Box, Line, Point, Scene

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_JOINS = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"
"""The character for each set of directions."""
_DASHED = {_UP | _DOWN: "╎", _LEFT | _RIGHT: "╌", _UP: "╎", _DOWN: "╎", _LEFT: "╌", _RIGHT: "╌"}
_HEADS = {_UP: "▲", _DOWN: "▼", _LEFT: "◄", _RIGHT: "►"}
_CORNERS = {"input": "╭╮╰╯", "output": "╭╮╰╯"}

_ASCII = {
    **dict.fromkeys("│╵╷╎┆", "|"),
    **dict.fromkeys("─╴╶╌┄", "-"),
    **dict.fromkeys("┘┐┤└┌├┴┬┼╭╮╰╯", "+"),
    **dict(zip("▲▼◄►→←×…⋯✕′", "^v<>><x~~x'", strict=True)),
}


def text(scene: Scene, *, ascii: bool = False) -> str:
    """Return the scene, which was laid out in cells, as lines of text."""
    canvas = _Canvas(scene)
    lines = canvas.lines()
    if ascii:
        lines = [
            "".join(_ASCII.get(c, c) if not c.isascii() else c for c in line)
            .encode("ascii", "backslashreplace")
            .decode()
            for line in lines
        ]
    return "\n".join(lines)


class _Canvas:
    def __init__(self, scene: Scene) -> None:
        self.marks: dict[Point, str] = {}
        self.joins: dict[Point, int] = {}
        self.dashed: dict[Point, bool] = {}
        self.scene = scene
        for box in scene.boxes:
            if box.is_frame:
                self._box(box)
        for line in scene.lines:
            self._line(line)
        for point, join in self.joins.items():
            plain = _JOINS[join]
            self.marks[point] = _DASHED.get(join, plain) if self.dashed[point] else plain
        for line in scene.lines:
            self._head(line)
        for box in scene.boxes:
            if not box.is_frame:
                self._box(box)
        for words in scene.texts:
            self._words(words.left, words.y, words.text + words.sub)

    def lines(self) -> list[str]:
        """Return the rows of the canvas, without what is empty at their ends."""
        found = []
        for y in range(self.scene.h):
            row = []
            x = 0
            while x < self.scene.w:
                mark = self.marks.get((x, y), " ")
                row.append(mark)
                x += max(1, sum(cell(mark, i)[1] for i in range(len(mark))))
            found.append("".join(row).rstrip())
        while found and not found[-1]:
            found.pop()
        return found

    def _box(self, box: Box) -> None:
        across, down = ("┄", "┆") if box.family == "frame" else ("─", "│")
        corners = _CORNERS.get(box.family, "┌┐└┘")
        left, right, top, bottom = box.x, box.x + box.w - 1, box.y, box.y + box.h - 1
        for x in range(left + 1, right):
            self.marks[x, top] = self.marks[x, bottom] = across
        for y in range(top + 1, bottom):
            self.marks[left, y] = self.marks[right, y] = down
            if not box.is_frame:
                for x in range(left + 1, right):
                    self.marks[x, y] = " "
        ends = ((left, top), (right, top), (left, bottom), (right, bottom))
        self.marks.update(zip(ends, corners, strict=True))

    def _line(self, line: Line) -> None:
        points = _ended(line)
        for (ax, ay), (bx, by) in pairwise(points):
            there, back = _direction((ax, ay), (bx, by))
            x, y = ax, ay
            dx, dy = (bx > ax) - (bx < ax), (by > ay) - (by < ay)
            while (x, y) != (bx, by):
                self._join((x, y), there, line)
                x, y = x + dx, y + dy
                self._join((x, y), back, line)
        # It begins at a box, and goes on to one.
        (_, first), (_, last) = line.points[0], line.points[-1]
        if self._is_beside(line.points[0]) or line.points[-2][1] == last:
            # It leaves or enters at the side: a state, or a value that is fed back.
            there, back = _direction(*line.points[-2:])[0], _direction(*line.points[:2])[1]
        elif first != last:
            there, back = (_DOWN, _UP) if last > first else (_UP, _DOWN)
        else:
            there, back = _direction(line.points[0], line.points[-1])
        self._join(points[0], back, line)
        self._join(points[-1], there, line)

    def _is_beside(self, point: Point) -> bool:
        """Return whether a point is on the right of a box."""
        x, y = point
        return any(b.x + b.w == x and b.y <= y < b.y + b.h for b in self.scene.boxes if not b.is_frame)

    def _join(self, point: Point, join: int, line: Line) -> None:
        self.joins[point] = self.joins.get(point, 0) | join
        self.dashed[point] = self.dashed.get(point, True) and line.style != "data"

    def _head(self, line: Line) -> None:
        if line.arrow:
            there, _ = _direction(line.points[-2], line.points[-1])
            self.marks[_ended(line)[-1]] = _HEADS[there]

    def _words(self, x: int, y: int, words: str) -> None:
        for at in range(len(words)):
            mark, room = cell(words, at)
            self.marks[x, y] = mark
            for more in range(1, room):
                self.marks[x + more, y] = ""
            x += room


def _ended(line: Line) -> list[Point]:
    """Return the points at which a line turns; it ends before the border of the box that it leads to."""
    *points, (x, y) = line.points
    ax, ay = points[-1]
    last = (x - ((x > ax) - (x < ax)), y - ((y > ay) - (y < ay)))
    return list(dict.fromkeys([*points, last]))


def _direction(a: Point, b: Point) -> tuple[int, int]:
    """Return the direction from one point to another, and that back."""
    if a[0] == b[0]:
        return (_DOWN, _UP) if b[1] > a[1] else (_UP, _DOWN)
    return (_RIGHT, _LEFT) if b[0] > a[0] else (_LEFT, _RIGHT)


def listing(plan: Plan, *, ascii: bool = False, indent: str = "") -> str:
    """Return a plan as a list, for a terminal that is too narrow for the picture: each box with a number, and
    from which ones something comes in.
    """
    lines: list[str] = []
    numbers: dict[int, int] = {}
    for place, block in enumerate(plan.blocks):
        if block.family not in ("entry", "exit"):
            numbers[place] = len(numbers) + 1
    for place, number in numbers.items():
        block = plan.blocks[place]
        words = [block.title, *block.details] if block.inner is None else []
        words += [f"named {block.name}"] if block.name else []
        words += [block.params] if block.params else []
        words += [f"shared {block.tag}"] if block.tag else []
        words += [f"loop: {', '.join(block.loop)}"] if block.loop else []
        head = f"{indent}{number}. {' '.join([*block.beside, ', '.join(words)]).strip()}"
        incoming = [numbers[a.source] for a in plan.arrows if a.target == place and a.source in numbers]
        incoming = list(dict.fromkeys(incoming))
        if incoming not in ([], [number - 1]):
            head += f" <- {', '.join(map(str, incoming))}"
        lines.append(head)
        lines += [f"{indent}   -> {port.label}" for port in block.ports if port.label]
        if block.inner is not None:
            lines.append(listing(block.inner, indent=indent + "   "))
    found = "\n".join(lines)
    if ascii:
        found = "".join(_ASCII.get(c, c) for c in found).encode("ascii", "backslashreplace").decode()
    return found
