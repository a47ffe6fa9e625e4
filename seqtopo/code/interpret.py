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
from seqtopo.code.expressions import SIGNS, binary, defaults_of, evaluate, look_up
from seqtopo.code.machine import BREAK, CONTINUE, RAISE, RETURN, LoopBound
from seqtopo.code.methods import list_method
from seqtopo.code.model import CodeFile, Value
from seqtopo.code.values import (
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
            kind = _STATEMENTS.get(type(statement))
            if kind is not None:
                end: str = kind(self, statement)
                if end:
                    return end
        return ""

    def _expression(self, node: ast.Expr) -> str:
        evaluate(self, node.value)
        return ""

    def _assign(self, node: ast.Assign) -> str:
        value = evaluate(self, node.value)
        for target in node.targets:
            self.assign(target, value)
        return ""

    def _assign_annotated(self, node: ast.AnnAssign) -> str:
        if node.value is not None:
            self.assign(node.target, evaluate(self, node.value))
        return ""

    def _assign_operator(self, node: ast.AugAssign) -> str:
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
            return ""
        sign = SIGNS[type(node.op)]
        self.assign(target, binary(self, sign, before, more, node))
        return ""

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
        made = Function(node, self.scope, defaults_of(self, node.args), self.scope.owner)
        self.functions.append(made)
        value: Value = made
        for decorator in reversed(node.decorator_list):
            name = decorator.id if isinstance(decorator, ast.Name) else ""
            if name in ("property", "staticmethod", "classmethod"):
                made.kind = name
                continue
            if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "cached_property"):
                if decorator.attr == "setter":
                    return ""
                made.kind = "property"
                continue
            said = evaluate(self, decorator)
            if isinstance(said, Outside) and said.path.endswith("cached_property"):
                made.kind = "property"
            elif isinstance(said, Function):
                found = self.call(said, Arguments([Passed(value)]), decorator)
                value = found if isinstance(found, (Function, Partial)) else value
                made.calls = 0
        self._bind(node.name, value)
        return ""

    def _class(self, node: ast.ClassDef) -> str:
        bases = tuple(evaluate(self, base) for base in node.bases)
        names: dict[str, Value] = {}
        made = Class(node.name, node, bases, names, self.scope.module)
        self.classes.append(made)
        outer = self.scope
        self.scope = _ClassScope(names, outer.module, outer, outer.function, made)
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
        return ""

    def _has_fields(self, node: ast.ClassDef, made: Class) -> bool:
        if made.is_a("typing.NamedTuple", "pydantic.BaseModel"):
            return True
        for decorator in node.decorator_list:
            said = evaluate(self, decorator.func if isinstance(decorator, ast.Call) else decorator)
            if isinstance(said, Outside) and said.path.endswith(("dataclass", "attr.s", "attrs.define")):
                return not isinstance(made.names.get("__init__"), Function)
        return False

    def _return(self, node: ast.Return) -> str:
        self.result = evaluate(self, node.value) if node.value is not None else None
        return RETURN

    def _if(self, node: ast.If) -> str:
        known = truth(evaluate(self, node.test))
        if known is not None:
            return self.run(node.body if known else node.orelse)
        return self._either(node.body, node.orelse, node)

    def _either(self, one: Sequence[ast.stmt], two: Sequence[ast.stmt], node: ast.stmt) -> str:
        """Run both sides of a branch with an unknown condition, and keep the values on which they agree."""
        self.trail.append({})
        end = self.run(one)
        result = self.result
        changed = self.take_back()
        self.trail.append({})
        other_end = self.run(two)
        other_changed = self.take_back()
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
            self.scope_of_function().returned.append(result if end == RETURN else self.result)
            self.redo(other_changed if end == RETURN else changed)
            return other_end if end == RETURN else end
        self.join_changes(changed, other_changed, node)
        return end if end == other_end else ""

    def scope_of_function(self) -> Scope:
        """Return the scope of the function that is running."""
        scope = self.scope
        while scope.function is None and scope.around is not None:
            scope = scope.around
        return scope

    def _for(self, node: ast.For | ast.AsyncFor) -> str:
        values = evaluate(self, node.iter)
        if isinstance(values, range):
            items: Any = values
        else:
            items = items_of(values)
        if items is None:
            return self._some_turns(
                node, lambda: self.assign(node.target, self._any_item(values, node)), values
            )
        bound = LoopBound(self, len(items))
        for at, item in enumerate(items):
            if bound.is_reached():
                known = isinstance(values, range)
                more = Turns(len(values) - at, item, values.step) if known else None
                return self._some_turns(
                    node, lambda: self.assign(node.target, self._any_item(values, node)), values, more
                )
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
        self, node: Any, start: Callable[[], None], values: Value, turns: Turns | None = None
    ) -> str:
        """Run the body of a loop of unknown length once, and keep the values that it does not change."""
        if turns is None and isinstance(values, Unknown):
            turns = values.parts.get("turns")
        self.trail.append({})
        start()
        if turns is not None and isinstance(node.target, ast.Name):
            item = self.scope.names.get(node.target.id)
            turns = turns._replace(item=item)
            if isinstance(item, Unknown):
                item.parts["turn"] = True
        end = self.run(node.body)
        changed = self.take_back()
        if end == RETURN:
            self.scope_of_function().returned.append(self.result)
        self.join_changes(changed, {}, node, turns)
        return ""

    def _while(self, node: ast.While) -> str:
        bound = LoopBound(self)
        while True:
            known = truth(evaluate(self, node.test))
            if known is False:
                return self.run(node.orelse)
            if known is None or bound.is_reached():
                return self._some_turns(node, lambda: None, None)
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

    def _raise(self, node: ast.Raise) -> str:
        return RAISE

    def _break(self, node: ast.Break) -> str:
        return BREAK

    def _continue(self, node: ast.Continue) -> str:
        return CONTINUE

    def _delete(self, node: ast.Delete) -> str:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.drop(self.scope.names, target.id)
            elif isinstance(target, ast.Subscript):
                owner, key = evaluate(self, target.value), evaluate(self, target.slice)
                if isinstance(owner, dict) and hashable(key):
                    self.drop(owner, key)
                elif isinstance(owner, list) and type(key) is int:
                    list_method(self, owner, "pop", Arguments([Passed(key)]), node)
        return ""

    def _global(self, node: ast.Global) -> str:
        outer = self.scope
        while outer.around is not None:
            outer = outer.around
        for name in node.names:
            self.scope.elsewhere[name] = outer
        return ""

    def _nonlocal(self, node: ast.Nonlocal) -> str:
        for name in node.names:
            scope = self.scope.around
            while scope is not None:
                if name in scope.names:
                    self.scope.elsewhere[name] = scope
                    break
                scope = scope.around
        return ""

    def _assert(self, node: ast.Assert) -> str:
        evaluate(self, node.test)
        return ""

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
        tree = parse(module.source.text)
        if tree is None or self.depth >= bounds.CODE_DEPTH:
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

    def _import(self, node: ast.Import) -> str:
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
        return ""

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

    def _import_from(self, node: ast.ImportFrom) -> str:
        name = node.module or ""
        if node.level:
            package = self.scope.module.package.split(".") if self.scope.module.package else []
            package = package[: len(package) - (node.level - 1)] if node.level > 1 else package
            name = ".".join([*package, *([name] if name else [])])
        found = self.module(name) if name else None
        for alias in node.names:
            as_name = alias.asname or alias.name
            if alias.name == "*":
                self._import_star(name, found)
                continue
            value: Value
            if found is not None and alias.name in found.names:
                value = found.names[alias.name]
            else:
                inner = (
                    self.module(f"{name}.{alias.name}" if name else alias.name)
                    if found or node.level
                    else None
                )
                if inner is not None:
                    value = inner
                elif found is not None or node.level:
                    value = self.unknown("a name of another file", node, alias.name)
                else:
                    value = Outside(keras_names.canonical(f"{name}.{alias.name}"))
            self._bind(as_name, value)
        return ""

    def _import_star(self, name: str, found: Module | None) -> None:
        if found is not None:
            for key, value in list(found.names.items()):
                if not key.startswith("_"):
                    self._bind(key, value)
            return
        for key, path in (keras_names.star(keras_names.canonical(name)) or {}).items():
            self._bind(key, Outside(path))


class _ClassScope(Scope):
    """The scope of a class body, whose names its methods do not see."""


def parse(text: str) -> ast.Module | None:
    """Return the syntax of a Python text; None if it is not valid."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_STATEMENTS: dict[type[ast.stmt], Any] = {
    ast.Expr: Interpreter._expression,
    ast.Assign: Interpreter._assign,
    ast.AnnAssign: Interpreter._assign_annotated,
    ast.AugAssign: Interpreter._assign_operator,
    ast.FunctionDef: Interpreter._function,
    ast.AsyncFunctionDef: Interpreter._function,
    ast.ClassDef: Interpreter._class,
    ast.Return: Interpreter._return,
    ast.If: Interpreter._if,
    ast.For: Interpreter._for,
    ast.AsyncFor: Interpreter._for,
    ast.While: Interpreter._while,
    ast.With: Interpreter._with,
    ast.AsyncWith: Interpreter._with,
    ast.Try: Interpreter._try,
    ast.TryStar: Interpreter._try,
    ast.Raise: Interpreter._raise,
    ast.Break: Interpreter._break,
    ast.Continue: Interpreter._continue,
    ast.Delete: Interpreter._delete,
    ast.Global: Interpreter._global,
    ast.Nonlocal: Interpreter._nonlocal,
    ast.Assert: Interpreter._assert,
    ast.Match: Interpreter._match,
    ast.Import: Interpreter._import,
    ast.ImportFrom: Interpreter._import_from,
}
