"""Dataclasses that cost next to nothing to declare; to read and to type checkers they are Python's own.

Python writes and compiles six methods of each dataclass when it is declared, needed or not, after importing
``inspect``: that took longer than all of the rest of a check together. Here the methods are shared, and
only ``__init__`` is written for each class, when the first object is made. What is not used here is not
here: ``order``, ``kw_only``, ``ClassVar``; what asks for Python's own description of a class
(``dataclasses.fields``, ``asdict``, ``inspect.signature``) gets it.
"""

from __future__ import annotations

from operator import attrgetter
from reprlib import recursive_repr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    _MISSING = object()

    class Field:
        """How a field is filled and where it counts, if not in the usual way."""

        __slots__ = ("compare", "default", "factory", "init", "repr")

        def __init__(self, default, factory, init, repr, compare):
            self.default, self.factory = default, factory
            self.init, self.repr, self.compare = init, repr, compare

    def field(*, default=_MISSING, default_factory=_MISSING, init=True, repr=True, compare=True):
        """What stands behind a field's name in the class, where a bare default does not say it."""
        return Field(default, default_factory, init, repr, compare)

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True):
        """Makes a class with annotated names one whose objects hold these fields."""
        if cls is None:
            return lambda cls: _made(cls, frozen, slots, eq)
        return _made(cls, frozen, slots, eq)

    def replace(given, /, **changes):
        """The same object but for these fields."""
        for name, of in given.__light_fields__.items():
            if of.init and name not in changes:
                changes[name] = getattr(given, name)
        return type(given)(**changes)

    def _made(cls, frozen, slots, eq):
        own = {name: _read_field(cls, name) for name in _annotations(cls)}
        fields = {}
        for base in reversed(cls.__mro__[1:]):
            fields |= base.__dict__.get("__light_fields__", {})
        fields |= own

        def __init__(self, *args, **kwargs):  # noqa: N807
            cls.__init__ = _written_init(cls, fields, frozen, slots)
            cls.__init__(self, *args, **kwargs)

        methods = {
            "__light_fields__": fields,
            "__match_args__": tuple(name for name, of in fields.items() if of.init),
            "__dataclass_fields__": _InPythonsWords("__dataclass_fields__"),
            "__dataclass_params__": _InPythonsWords("__dataclass_params__"),
            "__signature__": _Signature(),
            "__init__": __init__,
            "__repr__": _repr_of([name for name, of in fields.items() if of.repr]),
        }
        if eq:
            methods |= _comparison([name for name, of in fields.items() if of.compare], frozen)
        if frozen:
            methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
        if slots:
            methods |= {"__getstate__": _state, "__setstate__": _set_state}
        methods = {
            name: method
            for name, method in methods.items()
            if name not in cls.__dict__ or (name == "__hash__" and cls.__hash__ is None)
        }
        if slots:
            namespace = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__", *own)}
            namespace |= {**methods, "__slots__": tuple(own), "__qualname__": cls.__qualname__}
            cls = type(cls)(cls.__name__, cls.__bases__, namespace)  # __init__ above sees this one
            return cls
        for name, of in own.items():
            if of.default is not _MISSING:
                setattr(cls, name, of.default)
            elif name in cls.__dict__:
                delattr(cls, name)
        for name, method in methods.items():
            setattr(cls, name, method)
        return cls

    def _read_field(cls, name):
        default = cls.__dict__.get(name, _MISSING)
        if isinstance(default, Field):
            return default
        if isinstance(default, (list, dict, set)):
            raise ValueError(f"a mutable default for {name}: use default_factory")
        return Field(default, _MISSING, True, True, True)

    def _written_init(cls, fields, frozen, slots):
        takes, does, known = ["self"], [], {"_MISSING": _MISSING, "_set": object.__setattr__}
        for name, of in fields.items():
            value = name
            if of.default is not _MISSING:
                known[f"_default_{name}"] = of.default
                takes += [f"{name}=_default_{name}"] * of.init
            elif of.factory is not _MISSING:
                known[f"_make_{name}"] = of.factory
                takes += [f"{name}=_MISSING"] * of.init
                made = f"_make_{name}()"
                value = f"{made} if {name} is _MISSING else {name}" if of.init else made
            elif of.init:
                takes.append(name)
            else:
                continue  # __post_init__ sets it
            if not of.init and of.default is not _MISSING:
                continue  # the class has it
            if frozen and slots:
                known[f"_set_{name}"] = getattr(cls, name).__set__
                does.append(f"_set_{name}(self, {value})")
            else:
                does.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
        if hasattr(cls, "__post_init__"):
            does.append("self.__post_init__()")
        exec(f"def __init__({', '.join(takes)}):\n " + "\n ".join(does or ["pass"]), known)
        init = known["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        init.__module__ = cls.__module__
        return init

    def _comparison(names, frozen):
        key = attrgetter(*names) if names else lambda _: ()
        if len(names) == 1:
            # The getter of one name gives what it is, and of several a tuple.

            def __eq__(self, other):  # noqa: N807
                return (key(self),) == (key(other),) if other.__class__ is self.__class__ else NotImplemented

            def __hash__(self):  # noqa: N807
                return hash((key(self),))
        else:

            def __eq__(self, other):  # noqa: N807
                return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

            def __hash__(self):  # noqa: N807
                return hash(key(self))

        return {"__eq__": __eq__, "__hash__": __hash__ if frozen else None}

    def _repr_of(names):
        @recursive_repr()
        def __repr__(self):  # noqa: N807
            held = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{self.__class__.__qualname__}({held})"

        return __repr__

    def _refuse(self, name, *value):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")

    def _state(self):
        return [getattr(self, name) for name in self.__light_fields__]

    def _set_state(self, state):
        for name, value in zip(self.__light_fields__, state, strict=True):
            object.__setattr__(self, name, value)

    class _InPythonsWords:
        """What Python's own dataclasses keep about a class, made when somebody asks."""

        def __init__(self, name):
            self.name = name

        def __get__(self, instance, owner):
            import dataclasses

            fields = [(name, _kind(owner, name), _in_full(of)) for name, of in owner.__light_fields__.items()]
            frozen = owner.__setattr__ is _refuse
            return getattr(dataclasses.make_dataclass(owner.__name__, fields, frozen=frozen), self.name)

    def _kind(owner, name):
        return next(_annotations(c)[name] for c in owner.__mro__ if name in _annotations(c))

    def _annotations(cls):
        return cls.__dict__.get("__annotations__", {})  # noqa: RUF063  (inspect is what costs so much)

    def _in_full(of):
        import dataclasses

        given = {"default": of.default, "default_factory": of.factory}
        given = {name: value for name, value in given.items() if value is not _MISSING}
        return dataclasses.field(**given, init=of.init, repr=of.repr, compare=of.compare)

    class _Signature:
        """What ``inspect.signature`` and ``help`` say that a class takes."""

        def __get__(self, instance, owner):
            if instance is not None:
                raise AttributeError("__signature__")  # that of its __call__ is asked for
            import inspect

            written = _written_init(owner, owner.__light_fields__, frozen=False, slots=False)
            takes = list(inspect.signature(written).parameters.values())[1:]
            return inspect.Signature([one.replace(annotation=_kind(owner, one.name)) for one in takes])
