"""Python that is written of a spec: readable, formatted, and never made of a spec's own text."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqtopo
from seqtopo.cli.main import main
from seqtopo.emit.python import code
from seqtopo.emit.python.write import INLINED, write_python
from seqtopo.report.analyse import analyse, unbuildable
from tests.support.draws import draw
from tests.support.imports import ROOT
from tests.support.models import MODELS
from tests.support.topologies import TOPOLOGIES

EXPECTED = '''\
"""A Keras model, written by seqtopo: nothing but Keras is needed to run it."""

import keras
from keras import layers


def build() -> keras.Model:
    """Builds the model; behind each value stands its shape."""
    source = keras.Input(shape=(None,), dtype="int32", name="source")  # (batch, S)
    target = keras.Input(shape=(None, 3), name="target")  # (batch, T, 3)
    x = layers.Embedding(20, 8, name="encoder_embed")(source)  # (batch, S, 8)
    encoder_gru, encoder_gru_1 = layers.GRU(
        4, return_sequences=True, return_state=True, name="encoder_gru"
    )(x)  # (batch, S, 4), (batch, 4)
    decoder_gru = layers.GRU(
        4,
        return_sequences=True,
        name="decoder_gru",
    )(target, initial_state=[encoder_gru_1])  # (batch, T, 4)
    x = layers.Attention(name="attention")([decoder_gru, encoder_gru])  # (batch, T, 4)
    x = layers.Add(name="add")([decoder_gru, x])  # (batch, T, 4)
    x = layers.Dense(2, activation="softmax", name="dense")(x)  # (batch, T, 2)
    return keras.Model([source, target], x, name="model")


model = build()
'''
SPEC = """
encoder = in(S,int) as source -> embed(20,8) -> gru(4,seq)
decoder = in(T,3) as target -> gru(4,seq,init=encoder.state)
[decoder, [decoder, encoder] -> attention] -> add -> dense(2,softmax)
"""


def test_a_person_could_have_written_it() -> None:
    assert seqtopo.to_python(SPEC) == EXPECTED


def _every() -> Iterator[tuple[str, str]]:
    for topology in TOPOLOGIES:
        yield topology.name, seqtopo.to_python(topology.spec, **topology.dims)
    for model in MODELS:
        yield model.id, seqtopo.to_python(model.path)
    for seed in range(60):
        text = draw(seed).accepted
        checked = analyse(text or "")
        if checked.ok and checked.resolved is not None and not unbuildable(checked):
            yield f"draw_{seed}", write_python(checked.resolved)


def test_it_is_formatted_and_tidy(tmp_path: Path) -> None:
    for name, source in _every():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    assert len(list(tmp_path.iterdir())) > 100
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["format", "--isolated", "--diff"], ["check", "--isolated", "--select", "E,F,I,W,B"]):
        more = ["--ignore", "E501"] if command[0] == "check" else []
        done = subprocess.run([*ruff, *command, *more, str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:]


# ---- no text of a spec becomes code ------------------------------------------------------------------

NODES = (
    *(ast.Assign, ast.Expr, ast.Return, ast.Call, ast.keyword, ast.Name, ast.Attribute, ast.Subscript),
    *(ast.Slice, ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.UnaryOp, ast.USub, ast.Load, ast.Store),
)
FUNCTIONS = {*INLINED, "set", "float"}
MODULES = {"keras", "numpy", "math", "re", "collections"}
COMMENT = re.compile(r"# [\w .,:;()*/+%?'=<>-]*", re.ASCII)
VARIABLE = re.compile(r"[a-z_][a-z0-9_]{0,40}")


ALONG_TEXT = ast.unparse(ast.parse((ROOT / "seqtopo/emit/inlined_helpers.py").read_text(encoding="utf-8")))


def strays(source: str) -> list[str]:
    """Return the parts of a written module that are no import, function of ours or call of Keras."""
    found = []
    for statement in ast.parse(source).body:
        text = ast.unparse(statement)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            named = [alias.name for alias in statement.names]
            modules = [statement.module or ""] if isinstance(statement, ast.ImportFrom) else named
            found += [f"imports {module}" for module in modules if module not in MODULES]
        elif isinstance(statement, ast.FunctionDef) and statement.name == "build":
            found += [ast.dump(n) for part in statement.body for n in ast.walk(part) if _stray(n)]
        elif isinstance(statement, ast.FunctionDef):
            found += [] if text in ALONG_TEXT else [text]
        elif not isinstance(getattr(statement, "value", None), ast.Constant) and text != "model = build()":
            found.append(text)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return found + [comment for comment in comments if not COMMENT.fullmatch(comment)]


def _stray(node: ast.AST) -> bool:
    if not isinstance(node, NODES):
        return True
    if isinstance(node, ast.Name):
        return not VARIABLE.fullmatch(node.id) and node.id not in FUNCTIONS
    if isinstance(node, ast.Call):
        return not _known(node.func)
    return False


def _known(function: ast.expr) -> bool:
    """Return whether it is a class or function of Keras, one of ours, a made layer, or ``compile``."""
    if isinstance(function, ast.Call):
        return _known(function.func)
    if isinstance(function, ast.Name):
        return function.id in FUNCTIONS or function.id.endswith(("_layer", "steps", "model"))
    path = ast.unparse(function)
    return re.fullmatch(r"(layers|ops|keras|np)(\.\w+)+|model\.compile", path) is not None


ATTACK = '" + str(__import__("os").system("true")) + "'
QUOTES = [
    ATTACK,
    ATTACK.replace('"', "'"),
    '"""',
    "'\"\\",
    "\n    import os",
    "\\\n#",
    "\u202e\x00\x0c",
    "x = 1",
]
HOSTILE = st.one_of(st.text(max_size=30), st.sampled_from(QUOTES))


def _with_texts(name: str, other: str) -> str:
    """A module written from a spec whose every name and string was replaced behind the parser's back."""
    checked = analyse(
        "in(T,3) as start -> dense(4,relu) -> lstm(3,seq,kernel_initializer=he_normal)\n"
        "-> td(dense(2) -> flip) -> last(2) -> dense(3) as end\ntrain adam(1e-3), loss=mse, metrics=[mae]"
    )
    assert checked.resolved is not None
    graph = checked.resolved.graph
    graph.name, graph.nodes[0].name = name, other
    for i, layer in enumerate(graph.layers()):
        layer.name = f"{name}{i}"
        for key, value in layer.args.items():
            if isinstance(value, str) and layer.row.by_name[key].kind.family != "initializer":
                layer.args[key] = other
    return write_python(checked.resolved)


@settings(max_examples=60)
@given(HOSTILE, HOSTILE)
def test_no_name_or_string_becomes_code(name: str, other: str) -> None:
    assert not strays(_with_texts(name, other))


@given(st.text(st.characters(whitelist_categories=("Lu", "Ll", "Lo", "Nd")), min_size=1, max_size=12))
def test_no_name_that_can_be_said_becomes_code(word: str) -> None:
    checked = analyse(
        f"in(T,3) as a{word} -> dense(2) as b{word} -> lstm(S{word}) as c{word}", {f"S{word}": 4}
    )
    if checked.ok and checked.resolved is not None:
        assert not strays(write_python(checked.resolved))


def test_everything_that_is_written_is_of_the_allowed_kinds() -> None:
    for name, source in _every():
        assert not strays(source), name


def test_text_that_becomes_code_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        code, "literal", lambda value: f'"{value}"' if isinstance(value, str) else repr(value)
    )
    assert any("__import__" in stray for stray in strays(_with_texts(ATTACK, "relu")))


def test_a_comment_that_ends_its_line_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    source = EXPECTED.replace("# (batch, S)", "# (batch, S)\n    import os")
    assert strays(source)


def test_a_value_that_is_no_constant_is_refused() -> None:
    with pytest.raises(code.Unwritable, match="object cannot be written"):
        code.literal(object())


# ---- what cannot be written --------------------------------------------------------------------------


def test_a_custom_layer_of_this_function_cannot_be_imported() -> None:
    @seqtopo.layer("T F -> F")
    def pooled_here(name: str | None = None) -> None:
        """Pools."""

    with pytest.raises(seqtopo.SpecError, match="pooled_here") as caught:
        seqtopo.to_python("in(4,3) -> pooled_here")
    assert [d.code for d in caught.value.diagnostics] == ["ST421"]


def test_a_part_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError, match="its parts are code, model"):
        seqtopo.to_python("code = in(4,3) -> lstm(2)\ncode -> dense(2)", part="cod")


# ---- the command -------------------------------------------------------------------------------------


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "model.py"
    assert main(["build", "in(24,3) -> lstm(8)", "-o", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == seqtopo.to_python("in(24,3) -> lstm(8)")
    assert "from model import model" in capsys.readouterr().out


def test_the_command_writes_a_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "the-code.py"
    spec = "code = in(4,3) -> lstm(2)\ncode -> dense(2)"
    assert main(["build", spec, "--part", "code", "-o", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == seqtopo.to_python(spec, part="code")
    assert f"python -i {target}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "model.pyy"], "write -o model.py"),
        (["-o", "model.h5"], "write -o model.keras"),
        (["-o", "models.py", "--all"], "write -o models"),
    ],
)
def test_an_ending_that_nothing_has_is_an_error(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", "in(24,3) -> lstm(8)", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_fault_d2_a_decorator_without_its_shape_rule_is_refused() -> None:
    with pytest.raises(TypeError, match="needs the shape rule"):
        seqtopo.layer(type("Bare", (), {}))  # type: ignore[arg-type]
