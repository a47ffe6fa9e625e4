"""Compare what a training step of several ranks computes with what it sends, from the spec alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from seqtopo.diag.model import Diagnostic
from seqtopo.graph.counting import owners, work
from seqtopo.graph.graph import Graph
from seqtopo.layers.sizes import Size, count, symbols, volume
from seqtopo.source import Source, Span

BYTES = 4
"""Gradients are added up as float32."""


@dataclass(frozen=True)
class Scaling:
    """The cost of a step of synchronous data-parallel training.

    Attributes:
        ranks: The number of processes that train.
        batch: The rows of a whole batch.
        gbps: The speed of the network between two ranks, in gigabits a second.
        gflops: The speed of one rank, in 10**9 floating-point operations a second.
        bytes: The bytes that are added up over the ranks in a step: a float32 for each trained parameter, and
            for each moving average.
        flops: The operations of one rank in a step, forwards and backwards; symbolic where sizes are open.
        unknown: The layers whose operations nobody knows, and which ``flops`` leaves out.
    """

    ranks: int
    batch: int
    gbps: float
    gflops: float
    bytes: Size
    flops: Size
    unknown: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        """True if the ranks can share a batch evenly; else each computes all of it."""
        return self.batch % self.ranks == 0

    @property
    def rows(self) -> int:
        """The rows of a batch that one rank computes."""
        return self.batch // self.ranks if self.shared else self.batch

    @property
    def sent(self) -> Size:
        """The bytes that one rank sends in a step where the sum goes around a ring."""
        return self.bytes * (2 * (self.ranks - 1)) // self.ranks

    @property
    def communication(self) -> float | None:
        """The seconds that sending takes, without the network's delay; None where sizes are open."""
        return self.sent * 8 / (self.gbps * 1e9) if isinstance(self.sent, int) else None

    @property
    def computation(self) -> float | None:
        """The seconds that computing takes; None where sizes are open."""
        return self.flops / (self.gflops * 1e9) if isinstance(self.flops, int) else None

    @property
    def ratio(self) -> float | None:
        """Communication by computation; None where sizes are open, or nothing is computed."""
        sent, computed = self.communication, self.computation
        return sent / computed if sent is not None and computed else None

    @property
    def open(self) -> list[str]:
        """The names that must be bound before there is a ratio."""
        return sorted(symbols(self.flops) | symbols(self.bytes))

    def lines(self) -> Iterator[str]:
        """Yield the lines of text about the scaling."""
        each = count(self.rows, "row") + " each" if self.shared else "all of it on each"
        yield f"A step of {count(self.ranks, 'rank')}, batches of {count(self.batch, 'row')}, {each}:"
        ring = f"; a rank sends {_scaled(self.sent, 'B')} in a ring" if isinstance(self.sent, int) else ""
        yield f"  added up       {_scaled(self.bytes, 'B')}: the gradients, float32{ring}"
        yield f"  computed       {_scaled(self.flops, 'FLOP')} by each rank, forwards and backwards"
        if self.unknown:
            yield f"                 without {', '.join(self.unknown)}: nobody knows how much that computes"
        if self.ratio is None:
            names = ", ".join(self.open)
            why = f"{names} is open: -D {self.open[0]}=100" if names else "nothing is computed"
            yield f"  communication by computation: not known, as {why}"
            return
        yield (
            f"  communication  {_time(self.communication)} at --gbps {self.gbps:g}, computation "
            f"{_time(self.computation)} at --gflops {self.gflops:g}: {self.ratio:.2g} to 1"
        )

    def data(self) -> dict[str, Any]:
        """Return it as JSON has it; symbolic sizes as text."""
        return {
            "ranks": self.ranks,
            "batch": self.batch,
            "rows": self.rows,
            "bytes": _plain(self.bytes),
            "bytes_sent": _plain(self.sent),
            "flops": _plain(self.flops),
            "left_out": list(self.unknown),
            "gbps": self.gbps,
            "gflops": self.gflops,
            "communication_seconds": self.communication,
            "computation_seconds": self.computation,
            "ratio": self.ratio,
        }


def scaling_of(graph: Graph, ranks: int, batch: int, gbps: float, gflops: float) -> Scaling:
    """Return what a step of so many ranks costs; a batch that the spec fixes wins over ``batch``."""
    rows = next((node.batch for node in graph.nodes if isinstance(node.batch, int)), batch)
    added: list[Any] = []
    for layer, weights in owners(graph, graph.layers(graph.outputs)).items():
        frozen = layer.get("trainable") is False
        added += [weight.shape for weight in weights if weight.trainable or not frozen]
    found = work(graph)
    made = Scaling(ranks, rows, gbps, gflops, volume(added) * BYTES, 0, found.unknown)
    return replace(made, flops=found.both * made.rows)


def findings(scaling: Scaling, source: Source, span: Span) -> Iterator[Diagnostic]:
    """Warn of a batch that cannot be shared (ST737), and of communication that dominates (ST736)."""
    ranks, batch = scaling.ranks, scaling.batch
    if not scaling.shared:
        below, above = batch - batch % ranks, batch + ranks - batch % ranks
        better = f"{below:,} or {above:,}" if below else f"{above:,}"
        yield Diagnostic(
            "ST737",
            f"{ranks:,} ranks cannot share a batch of {batch:,} rows evenly, so each computes all of it",
            span,
            "warning",
            help=f"take batches of {better} rows, or a number of ranks that divides {batch:,}",
            source=source,
        )
    ratio = scaling.ratio
    if ranks > 1 and ratio is not None and ratio > 1:
        # Computation grows with the rows, communication does not.
        rows = math.ceil(scaling.rows * ratio)
        balanced = f"batches of {rows * ranks:,} rows would balance the two; or use fewer ranks"
        yield Diagnostic(
            "ST736",
            f"on {ranks:,} ranks a step sends for {_time(scaling.communication)} and computes for "
            f"{_time(scaling.computation)}: communication dominates",
            span,
            "warning",
            help=balanced,
            source=source,
        )


def _plain(size: Size) -> int | str:
    return size if isinstance(size, int) else str(size)


def _scaled(size: Size, unit: str) -> str:
    """Return a number of bytes or operations in a suitable unit."""
    if not isinstance(size, int):
        return f"{size} {unit}"
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= factor:
            return f"{size / factor:.3g} {prefix}{unit}"
    return f"{size} {unit}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
