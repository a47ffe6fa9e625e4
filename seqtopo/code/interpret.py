"""Interpret Python code that makes Keras models, without running it.

Statements run one after the other on values that may be unknown. Of a branch that is not known both sides
run, and what they agree on stays. A called function runs with what its calls give it, one that is never
called with its defaults and symbols.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from seqtopo.code import keras_names
from seqtopo.code.arithmetic import compare
from seqtopo.code.attributes import attribute_of, subscript
from seqtopo.code.calling import Caller
from seqtopo.code.expressions import binary, defaults_of, evaluate, look_up
from seqtopo.code.machine import BREAK, CONTINUE, RAISE, RETURN, LoopBound
from seqtopo.code.methods import list_method
from seqtopo.code.model import CodeFile, Value
from seqtopo.code.parsing import parsed
from seqtopo.code.values import (
    SIGNS,
    Arguments,
    Class,
    Function,
    Instance,
    Module,
    Outside,
    Partial,
    Passed,
    Scope,
    Turns,
    Unknown,
    hashable,
    items_of,
    truth,
)
from seqtopo.system import bounds


class Interpreter(Caller):
    """The interpreter of statements and functions. ``find_module`` reads another file of the project."""

    def __init__(self, file: CodeFile, find_module: Callable[[str, Module], Module | None]) -> None:
        super().__init__(file)
        self.find_module = find_module
        self.modules: dict[str, Module | None] = {}

    # ---- statements ------------------------------------------------------------------------------------

    def run(self, statements: Sequence[ast.stmt]) -> str:
        """Run statements, and return how they end."""
        for statement in statements:
            self.tick()
            self.statement = statement
            if end := self._run_one(statement):
                return end
        return ""

    def _run_one(self, node: ast.stmt) -> str:
        """Run a statement, and return how it ends: "" if the next one follows."""
        match node:
            case ast.Expr():
                evaluate(self, node.value)
            case ast.Assign():
                value = evaluate(self, node.value)
                for target in node.targets:
                    self.assign(target, value)
            case ast.AnnAssign():
                if node.value is not None:
                    self.assign(node.target, evaluate(self, node.value))
            case ast.AugAssign():
                self._assign_operator(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)
            case ast.ClassDef():
                self._class(node)
            case ast.Import():
                self._import(node)
            case ast.ImportFrom():
                self._import_from(node)
            case ast.Return():
                self.result = evaluate(self, node.value) if node.value is not None else None
                return RETURN
            case ast.If():
                known = truth(evaluate(self, node.test))
                if known is None:
                    return self._either(node.body, node.orelse, node)
                return self.run(node.body if known else node.orelse)
            case ast.For() | ast.AsyncFor():
                return self._for(node)
            case ast.While():
                return self._while(node)
            case ast.With() | ast.AsyncWith():
                return self._with(node)
            case ast.Try() | ast.TryStar():
                return self._try(node)
            case ast.Match():
                return self._match(node)
            case ast.Raise():
                return RAISE
            case ast.Break():
                return BREAK
            case ast.Continue():
                return CONTINUE
            case ast.Delete():
                self._delete(node)
            case ast.Global():
                self._global(node)
            case ast.Nonlocal():
                self._nonlocal(node)
            case ast.Assert():
                evaluate(self, node.test)
        return ""

    def _assign_operator(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            before = look_up(self, target.id, target)
        elif isinstance(target, ast.Attribute):
            before = attribute_of(self, evaluate(self, target.value), target.attr, target)
        else:
            before = subscript(self, evaluate(self, target.value), evaluate(self, target.slice), target)
        more = evaluate(self, node.value)
        if isinstance(before, list) and isinstance(node.op, ast.Add):
            list_method(self, before, "extend", Arguments([Passed(more)]), node)
        else:
            self.assign(target, binary(self, SIGNS[type(node.op)], before, more, node))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        made = Function(node, self.scope, defaults_of(self, node.args), self.scope.owner)
        self.functions.append(made)
        value: Value = made
        for decorator in reversed(node.decorator_list):
            name = decorator.id if isinstance(decorator, ast.Name) else ""
            if name in ("property", "staticmethod", "classmethod"):
                made.kind = name
                continue
            if isinstance(decorator, ast.Attribute) and decorator.attr == "setter":
                return
            said = evaluate(self, decorator)
            if isinstance(said, Outside) and said.path.endswith("cached_property"):
                made.kind = "property"
            elif isinstance(said, Function):
                found = self.call(said, Arguments([Passed(value)]), decorator)
                value = found if isinstance(found, (Function, Partial)) else value
                made.calls = 0
        self._bind(node.name, value)

    def _class(self, node: ast.ClassDef) -> None:
        bases = tuple(evaluate(self, base) for base in node.bases)
        names: dict[str, Value] = {}
        made = Class(node.name, node, bases, names, self.scope.module)
        self.classes.append(made)
        outer = self.scope
        self.scope = Scope(names, outer.module, outer, outer.function, made)
        try:
            self.run(node.body)
        finally:
            self.scope = outer
        if self._has_fields(node, made):
            inherited = [f for b in bases if isinstance(b, Class) and b.fields for f in b.fields]
            own = [
                s.target.id
                for s in node.body
                if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
            ]
            made.fields = tuple(dict.fromkeys([*inherited, *own]))
        self._bind(node.name, made)

    def _has_fields(self, node: ast.ClassDef, made: Class) -> bool:
        if made.is_a("typing.NamedTuple", "pydantic.BaseModel"):
            return True
        for decorator in node.decorator_list:
            said = evaluate(self, decorator.func if isinstance(decorator, ast.Call) else decorator)
            if isinstance(said, Outside) and said.path.endswith(("dataclass", "attr.s", "attrs.define")):
                return not isinstance(made.names.get("__init__"), Function)
        return False

    def _either(self, one: Sequence[ast.stmt], two: Sequence[ast.stmt], node: ast.stmt) -> str:
        """Run both sides of a branch with an unknown condition, and keep the values on which they agree."""
        end, changed = self.branch(lambda: self.run(one))
        result = self.result
        other_end, other_changed = self.branch(lambda: self.run(two))
        if end == RAISE or other_end == RAISE:
            kept = changed if other_end == RAISE and end != RAISE else other_changed
            self.redo(kept)
            if kept is changed:
                self.result = result
                return end
            return other_end
        if end == RETURN and other_end == RETURN:
            self.join_changes(changed, other_changed, node)
            self.result = self.join(result, self.result, node, "result")
            return RETURN
        if end == RETURN or other_end == RETURN:
            self.scope.of_function.returned.append(result if end == RETURN else self.result)
            self.redo(other_changed if end == RETURN else changed)
            return other_end if end == RETURN else end
        self.join_changes(changed, other_changed, node)
        return end if end == other_end else ""

    def _for(self, node: ast.For | ast.AsyncFor) -> str:
        values = evaluate(self, node.iter)
        items = values if isinstance(values, range) else items_of(values)
        if items is None:
            turns = values.parts.get("turns") if isinstance(values, Unknown) else None
            return self._some_turns(node, turns, values)
        bound = LoopBound(self, len(items))
        for at, item in enumerate(items):
            if bound.is_reached():
                more = Turns(len(values) - at, item, values.step) if isinstance(values, range) else None
                return self._some_turns(node, more, values)
            self.assign(node.target, item)
            end = self.run(node.body)
            if end == BREAK:
                return ""
            if end in (RETURN, RAISE):
                return end
        return self.run(node.orelse)

    def _any_item(self, values: Value, node: ast.For | ast.AsyncFor) -> Value:
        text = self.text(node.target)
        if isinstance(values, Unknown):
            return self.part(values, "an item", text, node.target)
        return self.unknown("an item of a loop", node.target, text)

    def _some_turns(
        self, node: ast.For | ast.AsyncFor | ast.While, turns: Turns | None = None, values: Value = None
    ) -> str:
        """Run the body of a loop of unknown length once, and keep the values that it does not change."""
        known: Turns | None = None

        def run() -> str:
            nonlocal known
            if not isinstance(node, ast.While):
                self.assign(node.target, self._any_item(values, node))
                if turns is not None and isinstance(node.target, ast.Name):
                    item = self.scope.names.get(node.target.id)
                    known = turns._replace(item=item)
                    if isinstance(item, Unknown):
                        item.parts["turn"] = True
            return self.run(node.body)

        end, changed = self.branch(run)
        if end == RETURN:
            self.scope.of_function.returned.append(self.result)
        self.join_changes(changed, {}, node, known or turns)
        return ""

    def _while(self, node: ast.While) -> str:
        bound = LoopBound(self)
        while True:
            known = truth(evaluate(self, node.test))
            if known is False:
                return self.run(node.orelse)
            if known is None or bound.is_reached():
                return self._some_turns(node)
            end = self.run(node.body)
            if end == BREAK:
                return ""
            if end in (RETURN, RAISE):
                return end

    def _with(self, node: ast.With | ast.AsyncWith) -> str:
        for item in node.items:
            value = evaluate(self, item.context_expr)
            if item.optional_vars is not None:
                if not isinstance(value, (Unknown, Instance)):
                    value = self.unknown("what a context gives", item.context_expr)
                self.assign(item.optional_vars, value)
        return self.run(node.body)

    def _try(self, node: Any) -> str:
        end = self.run(node.body)
        if end == RAISE and node.handlers:
            end = self.run(node.handlers[0].body)
        elif not end:
            end = self.run(node.orelse)
        return self.run(node.finalbody) or end

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.drop(self.scope.names, target.id)
            elif isinstance(target, ast.Subscript):
                owner, key = evaluate(self, target.value), evaluate(self, target.slice)
                if isinstance(owner, dict) and hashable(key):
                    self.drop(owner, key)
                elif isinstance(owner, list) and type(key) is int:
                    list_method(self, owner, "pop", Arguments([Passed(key)]), node)

    def _global(self, node: ast.Global) -> None:
        outer = self.scope
        while outer.around is not None:
            outer = outer.around
        for name in node.names:
            self.scope.elsewhere[name] = outer

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        for name in node.names:
            scope = self.scope.around
            while scope is not None and name not in scope.names:
                scope = scope.around
            if scope is not None:
                self.scope.elsewhere[name] = scope

    def _match(self, node: ast.Match) -> str:
        value = evaluate(self, node.subject)
        for i, case in enumerate(node.cases):
            known = self._matches(value, case.pattern)
            if known and case.guard is not None:
                known = truth(evaluate(self, case.guard))
            if known:
                return self.run(case.body)
            if known is None:
                rest = ast.Match(node.subject, node.cases[i + 1 :])
                return self._either(case.body, [ast.copy_location(rest, node)] if rest.cases else [], node)
        return ""

    def _matches(self, value: Value, pattern: ast.pattern) -> bool | None:
        if isinstance(pattern, ast.MatchValue):
            return truth(compare(self, "==", value, evaluate(self, pattern.value), pattern))
        if isinstance(pattern, ast.MatchSingleton):
            return truth(compare(self, "is", value, pattern.value, pattern))
        if isinstance(pattern, ast.MatchOr):
            found = [self._matches(value, p) for p in pattern.patterns]
            return True if True in found else None if None in found else False
        if isinstance(pattern, ast.MatchAs):
            known = self._matches(value, pattern.pattern) if pattern.pattern is not None else True
            if pattern.name is not None and known is not False:
                self._bind(pattern.name, value)
            return known
        return None

    # ---- imports ---------------------------------------------------------------------------------------

    def module(self, name: str) -> Module | None:
        """Return a file of the project by its dotted name, run once; None for an installed package."""
        if name not in self.modules:
            self.modules[name] = None
            if len(self.modules) > bounds.CODE_FILES:
                return None
            found = self.find_module(name, self.scope.module)
            self.modules[name] = found
            if found is not None:
                self._run_module(found)
        return self.modules[name]

    def _run_module(self, module: Module) -> None:
        tree = parsed(module.source.text)
        if isinstance(tree, SyntaxError) or self.depth >= bounds.CODE_DEPTH:
            return
        outer, statement, models = self.scope, self.statement, len(self.models)
        self.scope, self.depth = Scope(module.names, module), self.depth + 1
        functions, classes = list(self.functions), list(self.classes)
        try:
            self.run(tree.body)
        finally:
            self.scope, self.statement, self.depth = outer, statement, self.depth - 1
            del self.models[models:]
            self.functions, self.classes = functions, classes

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            found = self.module(alias.name)
            first = alias.name.split(".")[0]
            if found is not None and alias.asname:
                self._bind(alias.asname, found)
            elif alias.asname:
                self._bind(alias.asname, Outside(keras_names.canonical(alias.name)))
            elif found is not None and "." in alias.name:
                self._bind_package(alias.name, found)
            else:
                self._bind(first, found if found is not None else Outside(keras_names.canonical(first)))

    def _bind_package(self, name: str, module: Module) -> None:
        parts = name.split(".")
        holder = self.scope.names.get(parts[0])
        if not isinstance(holder, Module):
            holder = Module(parts[0], module.source)
            self._bind(parts[0], holder)
        for part in parts[1:-1]:
            inner = holder.names.get(part)
            if not isinstance(inner, Module):
                inner = Module(part, module.source)
                self.put(holder.names, part, inner)
            holder = inner
        self.put(holder.names, parts[-1], module)

    def _import_from(self, node: ast.ImportFrom) -> None:
        name = node.module or ""
        if node.level:
            package = self.scope.module.package.split(".") if self.scope.module.package else []
            package = package[: len(package) - (node.level - 1)] if node.level > 1 else package
            name = ".".join([*package, *([name] if name else [])])
        found = self.module(name) if name else None
        for alias in node.names:
            if alias.name == "*":
                self._import_star(name, found)
            else:
                self._bind(alias.asname or alias.name, self._imported(name, alias.name, found, node))

    def _imported(self, name: str, part: str, found: Module | None, node: ast.ImportFrom) -> Value:
        """Return what ``from name import part`` brings."""
        if found is not None and part in found.names:
            return found.names[part]
        if found is None and not node.level:
            return Outside(keras_names.canonical(f"{name}.{part}"))
        inner = self.module(f"{name}.{part}" if name else part)
        return inner if inner is not None else self.unknown("a name of another file", node, part)

    def _import_star(self, name: str, found: Module | None) -> None:
        if found is not None:
            for key, value in list(found.names.items()):
                if not key.startswith("_"):
                    self._bind(key, value)
            return
        for key, path in (keras_names.star(keras_names.canonical(name)) or {}).items():
            self._bind(key, Outside(path))
