"""Specs drawn at random from the layer table, as text: valid ones, and ones with one thing wrong.

A draw grows a flow step by step. Each step is proposed from a row's own parameters, with values that
its kinds take, and the checker is asked: what it accepts is kept and grown on; what it refuses is kept
as a spec with one thing wrong, its last step. Keras says of both whether the checker was right.

Everything follows from the seed: a draw is told by its number, and is drawn again from it alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from re import sub

from seqtopo.layers.registry import FREE, ROWS
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Expr, Size, is_open
from seqtopo.layers.values import Tensor
from seqtopo.report.analyse import Checked, analyse
from tests.support.draw_arguments import call_text

MOST_TRIES = 25
"""Proposals for one step before the flow is left as it is."""

DRAWN = tuple(row for row in ROWS if row.name not in FREE)
"""The rows that specs are drawn from."""
FUNCTIONS = tuple(row for row in ROWS if row.name in FREE and row.name != "item")
"""Those of functions of ``keras.ops``, which are drawn by themselves."""

RECURRENT = ("lstm", "gru", "rnn")
FLOATS = ("float16", "bfloat16", "float64")


@dataclass(frozen=True)
class Draft:
    """A spec as it grows: statements, then the last flow's source and steps."""

    lines: tuple[str, ...] = ()
    source: str = ""
    steps: tuple[str, ...] = ()
    names: int = 0

    @property
    def text(self) -> str:
        """The spec."""
        return "\n".join([*self.lines, " -> ".join([self.source, *self.steps])])

    def then(self, *steps: str, line: str = "", names: int = 0) -> Draft:
        """The same with more steps, and perhaps a statement before the flow."""
        lines = (*self.lines, line) if line else self.lines
        return Draft(lines, self.source, (*self.steps, *steps), self.names + names)


@dataclass
class Drawn:
    """The result of one draw: the spec that the checker accepts, and those that it refuses on the way."""

    seed: int
    target: str
    accepted: str | None = None
    refused: list[str] = field(default_factory=list)
    reached: bool = False


def draw(seed: int, rows: Sequence[Row] = DRAWN) -> Drawn:
    """The draw of a number; its target is one row after another, so that all get their turn."""
    row = rows[seed % len(rows)]
    return _Drawing(Random(f"spec {seed}"), Drawn(seed, row.name), rows).run(row)


class _Drawing:
    def __init__(self, random: Random, drawn: Drawn, rows: Sequence[Row]) -> None:
        self.random = random
        self.drawn = drawn
        self.rows = [r for r in rows if r.name != "td"]

    def run(self, target: Row) -> Drawn:
        for _ in range(4):
            draft = self._source(target)
            checked = analyse(draft.text)
            if not checked.ok:
                self.drawn.refused.append(draft.text)
                continue
            draft, checked, self.drawn.reached = self._grow(draft, checked, target)
            if self.drawn.reached:
                break
        for _ in range(self.random.choice((0, 1, 1, 2, 3))):
            row = self.random.choice(self.rows)
            draft, checked, _ = self._grow(draft, checked, row, tries=4)
        draft, checked = self._outputs(draft, checked)
        self.drawn.accepted = draft.text if checked.ok else None
        return self.drawn

    # ---- sources ---------------------------------------------------------------------------------

    def _source(self, row: Row) -> Draft:
        """A source that suits a row: of its rank, and with ids where it takes ids."""
        rank = self._rank(row)
        ids = row.name in ("embed", "one_hot", "category_encoding", "reversible_embedding")
        source = self._input(rank, "int" if ids and self._chance(0.95) else "")
        # A model of its own, applied to the flow's values: the same shape comes out of an identity.
        if self._chance(0.05) and "batch" not in source and "?" not in source:
            return Draft((f"inner = {source} -> identity",), source, ("inner",))
        return Draft((), source)

    def _rank(self, row: Row) -> int:
        takes = row.clauses[0].inputs[0]
        least = len([n for n in takes if n != "..."])
        if "..." in takes:
            least = max(least, self.random.choice((1, 2, 2, 2, 3, 3, 4)))
        if row.name == "td":
            least += 1
        if row.name == "bi" and least < 2:
            least = 2
        wrong = self.random.choice((-1, 1)) if self._chance(0.03) else 0
        return max(0, least + wrong)

    def _input(self, rank: int, dtype: str = "") -> str:
        sizes = [str(self._size(4 if rank > 2 else 7, 12 if rank < 3 else 8)) for _ in range(rank)]
        if rank > 1 and self._chance(0.45):
            sizes[0] = self.random.choice(("T", "T", "?", "2*T", "T+3"))
        if rank > 2 and self._chance(0.15):
            sizes[1] = self.random.choice(("S", "T", "?"))
        if rank and self._chance(0.02):
            sizes[-1] = self.random.choice(("F", "?"))
        if rank > 1 and self._chance(0.5 if self.drawn.target == "squeeze" else 0.08):
            sizes[self.random.randrange(rank)] = "1"
        if not dtype and self._chance(0.06):
            dtype = self.random.choice(("int", "bool", "float16", "int64", "uint8", "float64", "int(5)"))
        flags = [dtype] if dtype else []
        if self._chance(0.05):
            flags.append("batch=3")
        return f"in({','.join([*sizes, *flags])})"

    # ---- steps -----------------------------------------------------------------------------------

    def _grow(
        self, draft: Draft, checked: Checked, row: Row, tries: int = MOST_TRIES
    ) -> tuple[Draft, Checked, bool]:
        """The flow with one more step, of a row, and whether one was accepted."""
        for _ in range(tries):
            proposed = self._proposal(draft, _tensors(checked), row)
            found = analyse(proposed.text)
            if found.ok:
                return proposed, found, True
            self.drawn.refused.append(proposed.text)
        return draft, checked, False

    def _proposal(self, draft: Draft, come: tuple[Tensor, ...], row: Row) -> Draft:
        """A step of a row after the flow, plain or in one of the language's forms."""
        step = self._step(row, come)
        form = self.random.random()
        n = draft.names
        if form < 0.62 or not step.strip():
            return draft.then(step)
        if form < 0.66:
            return draft.then(f"({step}) * {self.random.choice((1, 2, 2, 3))}")
        if form < 0.70:
            return draft.then(f"{step} as n{n}", f"[n{n}, id] -> concat", names=1)
        if form < 0.74:
            return draft.then(f"res({step})")
        if form < 0.78:
            other = self._step(self.random.choice(self.rows), come)
            merge = self.random.choice(("add", "concat", "mul", "max", "concat(time)"))
            return draft.then(f"[{step}, {other}] -> {merge}")
        if form < 0.83:
            body, count = sub(r"\b[2-9]\b", "A", step, count=1), self.random.choice((2, 3, 4))
            return draft.then(f"r{n}({count})", line=f"def r{n}(A, B=2) = {body}", names=1)
        if form < 0.86:
            body = sub(r"\b[2-9]\b", "D", step, count=1)
            return draft.then(f"(({body}) for D in [2,{self.random.choice((2, 3))}])")
        if form < 0.91:
            return draft.then(
                f"s{n}", *([f"s{n}"] if self._chance(0.7) else []), line=f"s{n} = {step}", names=1
            )
        if form < 0.95:
            return self._from_states(draft, come)
        return draft.then(f"td({step})")

    def _from_states(self, draft: Draft, come: tuple[Tensor, ...]) -> Draft:
        """A recurrent layer that starts from another's final state; of the same kind, mostly."""
        n = draft.names
        kind = self.random.choice(RECURRENT)
        other = kind if self._chance(0.7) else self.random.choice(RECURRENT)
        width, wide = 4, (4 if self._chance(0.7) else self.random.choice((1, 3, 8)))
        first, second = f"{kind}({width},seq)", f"{other}({wide},seq,init=n{n}.state)"
        if self._chance(0.4):
            first = f"bi({first})"
            second = f"bi({other}({wide},seq),init=n{n}.state)" if self._chance(0.6) else second
            second = second.replace(f"({wide},", "(8,") if self._chance(0.3) else second
        return draft.then(f"{first} as n{n}", second, names=1)

    def _step(self, row: Row, come: tuple[Tensor, ...]) -> str:
        """A call of a row; one that takes several values gets a list of them first."""
        inner = self._inner(row, come)
        call = call_text(self.random, row, come, inner)
        several = row.inputs[1] != 1 and (row.inputs[0] > 1 or self._chance(0.7))
        if not several:
            return call
        most = row.inputs[1] or 4
        count = self.random.randint(min(max(row.inputs[0], 2), most), most)
        return f"[{', '.join(self._branch(come, i) for i in range(count))}] -> {call}"

    def _inner(self, row: Row, come: tuple[Tensor, ...]) -> str:
        """Return the text inside a wrapper; "" for a row that wraps nothing."""
        if row.name == "bi":
            kind = self.random.choice(
                RECURRENT if self._chance(0.9) else ("dense", "convlstm1d", "convlstm2d")
            )
        elif row.name == "spectral_normalization":
            kind = self.random.choice(("dense", "conv1d", "conv2d", "embed", "lstm", "einsum_dense"))
        elif row.name == "td":
            steps = tuple(Tensor(t.shape[1:], t.dtype) for t in come)
            found = [
                self._step(self.random.choice(self.rows), steps) for _ in range(self.random.choice((1, 1, 2)))
            ]
            return " -> ".join(found)
        else:
            return ""
        inside = next(r for r in ROWS if r.name == kind)
        return call_text(self.random, inside, come, "", call=False)

    def _branch(self, come: tuple[Tensor, ...], place: int) -> str:
        """One of several values: the incoming one, something like it, or a source of its own."""
        form = self.random.random()
        shape = [str(s) for s in come[0].shape] if come else []
        open_sizes = any(isinstance(s, Expr) and is_open(s) for t in come for s in t.shape)
        if form < 0.45 or not shape or (place == 0 and form < 0.8):
            return "id"
        if form < 0.6:
            return f"dense({self._size(2, 5)})" if self._chance(0.4) else "dense(_)"
        if form < 0.9 and not open_sizes:
            if self._chance(0.3):
                shape[self.random.randrange(len(shape))] = str(self._size(1, 9))
            if self._chance(0.1):
                shape[0] = "R"
            if self._chance(0.06):
                shape = shape[1:]
            dtype = "" if come[0].dtype == "float32" else f",{come[0].dtype}"
            return f"in({','.join(shape)}{dtype})"
        return self.random.choice(("identity", "relu", "dropout(0.1)", "flip", "swap"))

    # ---- outputs ---------------------------------------------------------------------------------

    def _outputs(self, draft: Draft, checked: Checked) -> tuple[Draft, Checked]:
        """Perhaps several outputs, or an assertion of the shape that the checker itself tells."""
        form = self.random.random()
        if form < 0.1:
            found = replace(draft, lines=(*draft.lines, f"main = {draft.text.splitlines()[-1]}"))
            found = replace(found, source="[main, main -> identity]", steps=())
        elif form < 0.2 and len(_tensors(checked)) == 1:
            sizes = [str(s) for s in _tensors(checked)[0].shape]
            found = draft.then(f"is({','.join(sizes)})")
        else:
            return draft, checked
        again = analyse(found.text)
        return (found, again) if again.ok else (draft, checked)

    def _size(self, least: int, most: int) -> Size:
        return self.random.randint(least, most)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share


def _tensors(checked: Checked) -> tuple[Tensor, ...]:
    if checked.resolved is None:
        return ()
    graph = checked.resolved.graph
    return graph.tensors(graph.outputs) or ()


def shrink(text: str, fails: Callable[[str], bool]) -> str:
    """The same spec with steps left out, as long as it still fails."""
    changed = True
    while changed:
        changed = False
        *lines, flow = text.splitlines()
        steps = flow.split(" -> ")
        smaller = [" -> ".join([*steps[:i], *steps[i + 1 :]]) for i in range(len(steps) - 1, 0, -1)]
        for candidate in ["\n".join([*lines, flow]) for flow in smaller]:
            if fails(candidate):
                text, changed = candidate, True
                break
    return text


def rows_used(text: str) -> Counter[str]:
    """Return the number of uses of each row in a valid spec, wrapped layers and parts included."""
    found: Counter[str] = Counter()
    checked = analyse(text)
    if checked.resolved is None:
        return found
    todo = [checked.resolved.graph.layers()]
    while todo:
        for layer in todo.pop():
            found[layer.row.name] += 1
            for inner in layer.args.values():
                if hasattr(inner, "graph"):
                    todo.append(inner.graph.layers())
                elif hasattr(inner, "row"):
                    todo.append([inner])
    return found
