"""Trace a function of PyTorch tensors to a flat list of ATen operations (``make_fx``).

Around each layer Keras looks at names, masks, dtypes and scopes, which takes nearly all the time of a small
model on one sample. A traced function runs the operations of PyTorch alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache, partial
from operator import getitem
from typing import Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg

_TRACING = threading.Lock()
"""A lock, since PyTorch's tracer replaces methods of all modules while it runs."""

_functions: list[Callable[..., list[Any]]] = []
"""The functions traced as one operation, by their numbers in the trace that is being made."""


class CannotTraceError(Exception):
    """A function depends on the numbers in its tensors, as where Python looks at one."""


def fx_trace(
    function: Callable[..., Any], arguments: Sequence[Any], steady: int = 0
) -> tuple[Callable[..., Any], int]:
    """Return the operations of a function from tensors to a list of tensors, and the number of operations.

    They are a function of the same arguments, valid for tensors of these shapes and with gradients off. The
    first ``steady`` arguments are always these very tensors, whatever numbers are in them: they are not
    passed again, and views of them are made once, here.

    Raises:
        CannotTraceError: the operations depend on the numbers in the tensors.
    """
    with _TRACING:
        _functions.clear()
        try:
            # Before operations are taken apart for the gradient: a whole LSTM is then one of them.
            traced = make_fx(function, pre_dispatch=True)(*arguments)
        except RuntimeError as error:
            # If the function is wrong in itself, it will say so when it is run as it is.
            raise CannotTraceError(str(error)) from error
        _inline_operations(traced)
    bound = _optimize(traced, arguments, steady)
    count = sum(node.op == "call_function" and node.target is not getitem for node in traced.graph.nodes)
    return partial(traced.forward, *bound), count


def as_one_operation(function: Callable[..., list[Any]], *tensors: Any) -> list[Any]:
    """Return the result of a function of tensors, which ``fx_trace`` records as a single operation.

    So it may depend on the numbers in the tensors. Other tensors that it uses are those it finds when it
    runs.
    """
    _functions.append(function)
    found: list[Any] = _operation()(len(_functions) - 1, list(tensors))
    return found


@cache
def _operation() -> Any:
    library = torch.library.Library("seqtopo", "FRAGMENT")
    library.define("whole(int number, Tensor[] tensors) -> Tensor[]")
    library.impl("whole", lambda number, tensors: _functions[number](*tensors), "CompositeExplicitAutograd")
    _libraries.append(library)
    return torch.ops.seqtopo.whole.default


_libraries: list[Any] = []
"""The libraries that define the operation; PyTorch drops an operation together with its library."""


def _inline_operations(traced: Any) -> None:
    """Replace the single operations of a trace by the functions that they stand for."""
    for node in traced.graph.nodes:
        if _functions and node.target is _operation():
            number, tensors = node.args
            node.target, node.args = _functions[number], tuple(tensors)
    traced.recompile()


def _optimize(traced: Any, arguments: Sequence[Any], steady: int) -> list[Any]:
    """Remove operations without effect, hoist constant ones, and call the others by cheaper overloads.

    An operation has no effect if it returns its argument. It is constant if it gives the same tensor each
    time. An overload is cheaper if it takes half the time to call and gives the same on these arguments.

    Returns:
        The hoisted tensors, which are the first arguments from now on.
    """
    graph = traced.graph
    places = [node for node in graph.nodes if node.op == "placeholder"]
    values: dict[Any, Any] = dict(zip(places, arguments, strict=True))
    # The nodes that give the same tensor each time; those in ``known`` also give the same numbers.
    same = dict.fromkeys(places[:steady])
    known: set[Any] = set()
    writes = any(_is_mutating(node.target) for node in graph.nodes)
    for node in list(graph.nodes):
        if node.op == "get_attr":
            values[node] = getattr(traced, node.target)
            same[node] = None
            known.add(node)
        elif node.op == "call_function":
            if node.target is torch._C._set_grad_enabled:
                # Traced operations run with gradients off.
                graph.erase_node(node)
                continue
            args, kwargs = map_arg((node.args, node.kwargs), values.__getitem__)
            found = values[node] = node.target(*args, **kwargs)
            if getattr(node.target, "_overloadname", "").startswith("dtype") and found is args[0]:
                node.replace_all_uses_with(node.args[0])
                continue
            steadily = not writes and not _is_random(node.target)
            if steadily and known.issuperset(node.all_input_nodes) and _are_tensors(found):
                known.add(node)
                same[node] = None
            elif (
                not writes and same.keys() >= set(node.all_input_nodes) and _is_view(node.target, args, found)
            ):
                same[node] = None
            elif not _is_mutating(node.target):
                node.target = _cheaper(node.target, args, kwargs, found)
    kept = [x for x in same if isinstance(values[x], torch.Tensor) and not same.keys() >= set(x.users)]
    with graph.inserting_before(places[0] if places else None):
        for node in kept:
            node.replace_all_uses_with(graph.placeholder(f"kept_{node.name}"))
    graph.eliminate_dead_code()
    for node in places[:steady]:
        graph.erase_node(node)
    traced.recompile()
    return [values[node] for node in kept]


def _are_tensors(found: Any) -> bool:
    several = found if isinstance(found, (list, tuple)) else [found]
    return all(isinstance(x, torch.Tensor) for x in several)


def _is_view(target: Any, args: Any, found: Any) -> bool:
    """Return whether the result of an operation is a view of its first argument."""
    if target is getitem:
        return True
    returns = getattr(getattr(target, "_schema", None), "returns", [])
    if len(returns) != 1 or returns[0].alias_info is None or not _are_tensors(found):
        return False
    # Some look where they can, and else copy.
    several = found if isinstance(found, (list, tuple)) else [found]
    memory = args[0].untyped_storage().data_ptr()
    return all(x.untyped_storage().data_ptr() == memory for x in several)


def _is_mutating(target: Any) -> bool:
    """Return whether an operation changes its arguments."""
    return isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable


def _is_random(target: Any) -> bool:
    """Return whether an operation may give another result each time."""
    return isinstance(target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in target.tags


def _cheaper(target: Any, args: Any, kwargs: Any, wanted: Any) -> Any:
    name = getattr(getattr(target, "overloadpacket", None), "__name__", None)
    for place in (torch, torch.Tensor, torch._C._nn):
        known = getattr(place, name, None) if name else None
        if known is None:
            continue
        try:
            found = known(*args, **kwargs)
        # Under that name it takes other arguments.
        except (TypeError, RuntimeError):
            continue
        if _same(found, wanted):
            return known
    return target


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, (list, tuple)):
        return (
            isinstance(a, (list, tuple))
            and len(a) == len(b)
            and all(_same(x, y) for x, y in zip(a, b, strict=True))
        )
    if not isinstance(b, torch.Tensor):
        return bool(a == b)
    return (
        isinstance(a, torch.Tensor)
        and (a.dtype, a.shape, a.stride(), a.device) == (b.dtype, b.shape, b.stride(), b.device)
        and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
    )
