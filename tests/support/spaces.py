"""Draw spaces at random, and build points of each: no trial of a space that checks may die of its shape.

``python -m tests.support.spaces COUNT [FIRST]``: draws so many spaces, from a number on.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from seqtopo.report import space_walk
from seqtopo.report.analyse import analyse
from seqtopo.searching.points import Points
from seqtopo.source import Source

POINTS = 3
"""So many points of each space are built."""
LAYERS_LOOKED_AT = 5_000
"""A tenth of the bound of the product: more spaces are looked at in part, and all in less time."""
DOMAINS = {
    "U": ("[1..4]", "[2, 3, 5]", "[2..6] step 2", "[1..8] log", "[4]"),
    "K": ("[1..4]", "[2, 3]", "[1..5] step 2", "[3..9]"),
    "S": ("[1, 2]", "[1..3]"),
    "N": ("[0..2]", "[1..3]", "[2]"),
    "P": ("[2, 3]", "[1..4]"),
    "R": ("[0.0..0.5]", "[0.1..0.4] step 0.1", "[0.0, 0.3]", "[1e-3..0.5] log"),
    "A": ("[relu, tanh]", "[gelu, sigmoid, relu]", "[relu]"),
    "CELL": ("[lstm, gru]", "[simple_rnn, gru, lstm]"),
    "PAD": ("[same, valid]", "[same, causal]", "[valid, causal, same]"),
    "I": ("[-2..1]", "[-1, 0]", "[0..6]"),
    "Q": ("[true, false]",),
    "G": ("[1, 2]", "[1..4]"),
    "H": ("[1..3]",),
    "BODY": (
        "[(lstm({U},seq)), (conv1d({U},{K}) -> relu)]",
        "[id, dense({U})]",
        "[({CELL}({U},seq) -> dropout({R})), id, maxpool1d({P})]",
        "[(lstm({U})), (gru({U},seq) -> at({I}))]",
        "[conv1d({U},{K},same), conv1d({U},{K})]",
    ),
    "HEAD": ("[gmaxpool1d, flatten]", "[at(-1), gavgpool1d]", "[lstm({U}), (conv1d({U},{K}) -> flatten)]"),
}
"""The values that a name of each kind is searched in; braces take another name."""
LAYERS = (
    "{CELL}({U},seq)", "{CELL}({U},return_sequences={Q})", "conv1d({U},{K})", "conv1d({U},{K},{PAD})",
    "conv1d({U},{K},strides={S})", "conv1d({U},{K},causal,dilation_rate={S})", "dropout({R})", "dense({U})",
    "dense({U},{A})", "{A}", "maxpool1d({P})", "avgpool1d({P})", "layernorm", "bi(gru({U},seq))",
    "res(conv1d(_,{K},same))", "res({BODY})", "{BODY}", "td(dense({U}))", "mha({H},{U})", "last({P})",
    "slice({I},{K})", "pad({S},{P})", "[conv1d({U},{K}), conv1d({U},{K})] -> concat",
    "[conv1d({U},{K},same), {CELL}({U},seq)] -> add", "[id, dense({U})] -> concat", "flip", "repeat({P})",
    "conv1d({U},{K}) * {N}", "({CELL}({U},seq) -> dropout({R})) * {N}", "groupnorm({G})", "upsample1d({S})",
    "sepconv1d({U},{K})",
    "conv1d(4*{U},{K},groups={G})", "conv1d({U},3,causal,dilation_rate=D) for D in [1..3]",
    "reshape(_,{U})", "cropping1d({S})", "lstm({U}+1,seq)", "dense({U}//2)", "conv1d_transpose({U},{K})",
)  # fmt: skip
ENDS = (
    "at({I})",
    "flatten",
    "gmaxpool1d",
    "{CELL}({U})",
    "{HEAD}",
    "lstm({U}) -> repeat({P})",
    "mean(time)",
    "id",
)


@dataclass
class _Names:
    """The names of a space so far: one of a kind is taken again now and then."""

    chance: random.Random
    domains: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """Return a text with a name for each brace."""
        while "{" in text:
            begin = text.index("{")
            end = text.index("}", begin)
            text = text[:begin] + self.name(text[begin + 1 : end]) + text[end + 1 :]
        return text

    def name(self, kind: str) -> str:
        """Return a name of a kind."""
        there = [n for n in self.domains if n.rstrip("0123456789") == kind]
        if there and (len(there) > 2 or self.chance.random() < 0.4):
            return self.chance.choice(there)
        name = f"{kind}{len(there)}"
        self.domains[name] = ""  # what it is searched in may name others, and not itself
        self.domains[name] = self.fill(self.chance.choice(DOMAINS[kind]))
        return name


def space(number: int) -> str:
    """Return the text of a space."""
    chance = random.Random(number)
    names = _Names(chance)
    steps = [chance.choice(LAYERS) for _ in range(chance.randint(1, 4))]
    flow = [names.fill(step) for step in (*steps, chance.choice(ENDS), "dense(1)")]
    length = chance.choice((7, 12, 24, names.fill("{P}+9")))
    lines = [f"search {name} in {values}" for name, values in names.domains.items()]
    chance.shuffle(lines)
    return "\n".join([*lines, f"in({length},{chance.choice((1, 2, 4))}) -> " + " -> ".join(flow), ""])


def failures(number: int, points: int = POINTS) -> tuple[str, list[str]]:
    """Return how a space ended, and which of its points cannot be built or run."""
    import numpy as np  # the backend is chosen by whoever calls

    import seqtopo

    text = space(number)
    space_walk.MOST_LAYERS = LAYERS_LOOKED_AT
    checked, found = space_walk.spaced(analyse(text), {})
    if any(d.code.startswith("ST9") for d in checked.diagnostics):
        return "ours", [f"{text}\n{checked.diagnostics}"]
    if not checked.ok:
        return f"refused with {checked.diagnostics[0].code}", []
    if found is None:
        return "no space", []
    chance = random.Random(number)
    drawn = Points(Source(text), {})
    wrong = []
    for _ in range(points):
        values = drawn.ask(lambda name, distribution: _any(distribution, chance))
        spec = drawn.text(values)
        if not found.whole and not drawn.allows(values):
            continue  # a search draws another one
        try:
            if not drawn.allows(values):
                raise ValueError("it is not allowed")
            model = seqtopo.compile(spec)
            model.predict_on_batch(np.zeros((2, *model.input_shape[1:])))
            assert model.count_params() == drawn.params(values)
        except Exception as error:  # a backend raises what it likes
            wrong.append(f"space {number}:\n{text}\n{spec}\n{type(error).__name__}: {error}")
    return "checks", wrong


def _any(distribution: Any, chance: random.Random) -> Any:
    choices = getattr(distribution, "choices", None)
    if choices:
        return chance.choice(choices)
    low, high, step = distribution.low, distribution.high, distribution.step
    if isinstance(low, int):
        return chance.randrange(low, high + 1, 1 if distribution.log else step)
    return (
        chance.uniform(low, high)
        if step is None
        else low + step * chance.randint(0, round((high - low) / step))
    )


def main() -> int:
    """Draw so many spaces, and print how they ended. Returns the exit code."""
    count, first = (*map(int, sys.argv[1:]), 0)[:2]
    ended: Counter[str] = Counter()
    every = []
    for number in range(first, first + count):
        how, wrong = failures(number)
        ended[how] += 1
        if number % 25 == 24:
            print(f"{number + 1 - first}: {dict(ended)}", file=sys.stderr, flush=True)
        every += wrong
        for one in wrong:
            print(one, flush=True)
    print(
        f"{count} spaces: {dict(ended.most_common())}; {POINTS * ended['checks']} points, {len(every)} fail"
    )
    return bool(every)


if __name__ == "__main__":
    sys.exit(main())
