"""Our dataclasses are Python's own, as far as anybody can tell; only declaring them costs less."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqtopo
import seqtopo.dataclass as ours

BOTH = pytest.mark.parametrize("kind", [ours, dataclasses], ids=["ours", "Python's"])
OPTIONS = ({}, {"frozen": True}, {"frozen": True, "slots": True}, {"slots": True}, {"eq": False})


def made(kind: Any, **options: bool) -> tuple[type, type]:
    """A class with fields of each sort, and one that adds to it."""

    @kind.dataclass(**options)
    class Base:
        a: int
        b: str = kind.field(compare=False)
        c: list[int] = kind.field(default_factory=list, repr=False)
        d: int = 4

    @kind.dataclass(**options)
    class More(Base):
        d: int = 5
        e: tuple[int, ...] = kind.field(default=())

        def twice(self) -> int:
            return 2 * self.a

    return Base, More


def seen(cls: type, call: tuple[tuple[Any, ...], dict[str, Any]]) -> Any:
    """All that an object, made so, shows of itself; or the error it is."""
    try:
        one = cls(*call[0], **call[1])
    except TypeError as error:
        return str(error)
    other = cls(1, "b")
    return (
        repr(one).rpartition(".")[2],
        [getattr(one, name) for name in cls.__match_args__],
        one == other,
        one == copy.deepcopy(one),
        (hash(one) if isinstance(one.c, tuple) else None)
        if cls.__hash__ not in (None, object.__hash__)
        else "none",
        cls.__match_args__,
        hasattr(one, "__dict__"),
    )


CALLS = st.tuples(
    st.lists(st.one_of(st.integers(0, 2), st.just("b"), st.just((1,))), max_size=6).map(tuple),
    st.dictionaries(st.sampled_from("abcdex"), st.integers(0, 2), max_size=3),
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(call=CALLS)
def test_objects_are_like_those_of_pythons_own(options: dict[str, bool], call: Any) -> None:
    for mine, its in zip(made(ours, **options), made(dataclasses, **options), strict=True):
        assert seen(mine, call) == seen(its, call)


@BOTH
@pytest.mark.parametrize("slots", [False, True])
def test_what_is_frozen_stays(kind: Any, slots: bool) -> None:
    for cls in made(kind, frozen=True, slots=slots):
        one = cls(1, "b")
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'a'"):
            one.a = 2
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'a'"):
            del one.a
        assert one.a == 1


@BOTH
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_copy_may_differ_in_a_field(kind: Any, options: dict[str, bool]) -> None:
    for cls in made(kind, **options):
        one = kind.replace(cls(1, "b", [3]), a=2)
        assert (one.a, one.b, one.c, type(one)) == (2, "b", [3], cls)
        with pytest.raises(TypeError, match="unexpected keyword argument 'x'"):
            kind.replace(one, x=1)


def test_pythons_own_functions_take_ours() -> None:
    for mine, its in zip(made(ours, frozen=True), made(dataclasses, frozen=True), strict=True):
        assert dataclasses.is_dataclass(mine)
        assert dataclasses.asdict(mine(1, "b")) == dataclasses.asdict(its(1, "b"))
        assert dataclasses.replace(mine(1, "b"), a=3) == mine(3, "b")
        told = [
            [(f.name, f.type, f.init, f.repr, f.compare) for f in dataclasses.fields(c)] for c in (mine, its)
        ]
        assert told[0] == told[1]
        assert str(inspect.signature(mine)) == str(inspect.signature(its)).replace(" -> None", "").replace(
            "<factory>", str(inspect.signature(mine).parameters["c"].default)
        )


@BOTH
def test_one_may_be_built_upon_by_pythons_own(kind: Any) -> None:
    base, _ = made(kind, frozen=True)

    @dataclasses.dataclass(frozen=True)
    class Upon(base):  # type: ignore[misc, valid-type]
        z: int = 7

    assert (Upon(1, "b").z, Upon(1, "b").a) == (7, 1)
    assert Upon(1, "b") == Upon(1, "c")


@ours.dataclass(frozen=True, slots=True)
class Kept:
    """Of a module, so that it can be pickled."""

    a: int
    b: tuple[int, ...] = ()


def test_one_with_slots_can_be_pickled_and_copied() -> None:
    one = Kept(1, (2, 3))
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.copy(one) == one == copy.deepcopy(one)
    assert not hasattr(one, "__dict__")
    assert (Kept.__module__, Kept.__qualname__, Kept.__doc__) == (
        __name__,
        "Kept",
        "Of a module, so that it can be pickled.",
    )


@BOTH
def test_what_a_class_says_itself_is_left(kind: Any) -> None:
    @kind.dataclass(frozen=True)
    class Own:
        a: int
        length: int = kind.field(init=False, repr=False, compare=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "length", 7)

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        @cached_property
        def slow(self) -> int:
            return self.a + self.length

    one = Own(1)
    assert (repr(one), one == Own(2), hash(one) == hash(Own(1)), one.slow) == ("own", True, True, 8)


@BOTH
def test_an_object_inside_itself_is_shown(kind: Any) -> None:
    @kind.dataclass
    class Loop:
        at: Any = None

    one = Loop()
    one.at = one
    assert repr(one).endswith("(at=...)")


@BOTH
def test_a_default_that_all_would_share_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="default_factory"):

        @kind.dataclass
        class Shared:
            a: list[int] = []  # noqa: RUF012


@BOTH
def test_nan_is_equal_to_itself_in_a_single_field(kind: Any) -> None:
    @kind.dataclass(frozen=True)
    class One:
        a: float

    nan = float("nan")
    assert One(nan) == One(nan)
    assert len({One(nan), One(nan)}) == 1


def test_declaring_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = ours._written_init

    def noted(cls: type, *rest: Any) -> Any:
        written.append(cls.__name__)
        return real(cls, *rest)

    monkeypatch.setattr(ours, "_written_init", noted)
    _, more = made(ours, frozen=True)
    assert not written
    more(1, "b"), more(2, "b")
    assert written == ["More"]
    assert isinstance(ours, ModuleType)


def test_nobody_copies_or_walks_by_pythons_own_means() -> None:
    """They make a class at each call for ours; a copy took a thousand times as long."""
    wanted = re.compile(r"^\s*from dataclasses import .*\b(replace|fields)\b", re.M)
    package = Path(seqtopo.__file__).parent
    found = {str(p) for p in package.rglob("*.py") if wanted.search(p.read_text(encoding="utf-8"))}
    assert found == {str(package / "dataclass.py")}
