"""A new part of seqtopo takes few new or changed files, and works with all of them.

Each test adds a part to a copy of the project, counts the files that differ, and runs what must work then,
the commands in one process and the tests in another.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.support.backend_run import environment
from tests.support.imports import ROOT

Temporary = pytest.TempPathFactory
COPIED = ("seqtopo", "grammar", "tests", "conftest.py", "pyproject.toml")
PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")
LEFT_OUT = shutil.ignore_patterns("golden", "*.pyc.*")
"""Bytecode comes along, so that a process compiles only what a test has changed; but not half a file."""
SESSION = """
import contextlib, io, json, sys
from seqtopo.cli.main import main
said = []
for arguments in json.loads(sys.argv[1]):
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        code = main(arguments)
    said.append((code, shown.getvalue()))
print(json.dumps(said))
"""


class Copy:
    """A copy of the project, to which a test adds a part."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT)
            else:
                shutil.copy2(ROOT / name, root / name)
        self.before = self._files()

    def _files(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in files
            if "__pycache__" not in path.parts
        }

    def touched(self) -> set[str]:
        """The files that are new, changed or gone."""
        now = self._files()
        return {name for name in now.keys() | self.before if now.get(name) != self.before.get(name)}

    def write(self, name: str, text: str) -> None:
        """Writes a new file."""
        assert not (self.root / name).exists(), name
        (self.root / name).write_text(dedent(text).lstrip(), encoding="utf-8")

    def add(self, name: str, text: str) -> None:
        """Adds a definition to the end of a module."""
        path = self.root / name
        path.write_text(f"{path.read_text(encoding='utf-8')}\n\n{dedent(text).strip()}\n", encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Replaces a text that stands once in a file."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Python in the copy, which comes before any installed seqtopo."""
        return subprocess.run(
            [sys.executable, "-B", *arguments],
            cwd=self.root,
            env={**environment("torch"), "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )

    def reference(self) -> None:
        """Write the generated pages of the copy anew."""
        done = self.python("-m", "seqtopo.cli.reference")
        assert done.returncode == 0, done.stderr

    def run(self, *commands: Sequence[str]) -> list[tuple[int, str]]:
        """Run commands in one process; return the exit code of each and what it prints, messages included."""
        done = self.python("-c", SESSION, json.dumps(commands))
        assert done.returncode == 0, done.stdout + done.stderr
        said: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
        return [(code, shown) for code, shown in said]

    def test(self, *arguments: str) -> None:
        """Runs tests in the copy; some must be there, and all must pass."""
        done = self.python(*PYTEST, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


LINT = '''
    @rule("ST689")
    def thirteen_units(view: View) -> Iterator[Finding]:
        """A dense layer of 13 units."""
        for node in view.calls_of("dense"):
            if node.layer is not None and node.layer.get("units") == 13:
                yield Finding(node.span, "13 units bring no luck", help="take 12 or 14")
'''
PAGE = """
    ---
    severity: warning
    ---

    # ST689 thirteen-units

    A dense layer has 13 units.

    ## What it means

    The layer has 13 units. Nothing else is wrong with it.

    ## Why

    No hardware likes odd numbers. This one is not lucky either.

    ## Example

    ```seqtopo
    in(T,8) -> lstm(4) -> dense(13)
    ```

    ## Instead

    ```seqtopo
    in(T,8) -> lstm(4) -> dense(12)
    ```
"""


def test_a_lint_is_a_function_a_page_and_the_generated_index(copy: Copy) -> None:
    copy.add("seqtopo/lint/rules/heads.py", LINT)
    copy.write("grammar/diagnostics/ST689.md", PAGE)
    copy.reference()
    assert copy.touched() == {
        "seqtopo/lint/rules/heads.py",
        "grammar/diagnostics/ST689.md",
        "grammar/DIAGNOSTICS.md",
    }
    spec = "in(T,8) -> lstm(4) -> dense(13)"
    checked, ignored, sarif, explained, listed = copy.run(
        ["check", spec],
        ["check", spec, "--ignore", "thirteen-units"],
        ["check", spec, "--format", "sarif"],
        ["explain", "thirteen-units"],
        ["explain"],
    )
    assert [code for code, _ in (checked, ignored, sarif, explained, listed)] == [0] * 5
    assert "warning[ST689]: 13 units bring no luck" in checked[1]
    assert "ST689" not in ignored[1]
    assert "ST689" in sarif[1]
    assert "# ST689 thirteen-units (warning)\n" in explained[1]
    assert "ST689  thirteen-units" in listed[1]
    laws = ("test_diag_codes", "test_diag_every_code")
    copy.test(
        "tests/docs/test_codes.py",
        *(f"tests/unit/{law}.py" for law in laws),
        "tests/docs/test_links.py",
        "-k",
        "ST689 or emitted or index or order or DIAGNOSTICS",
    )


def test_a_lint_without_a_page_is_noticed(copy: Copy) -> None:
    copy.add("seqtopo/lint/rules/heads.py", LINT)
    done = copy.python(*PYTEST, "tests/docs/test_codes.py", "-k", "emitted")
    assert done.returncode == 1
    assert "'ST689'" in done.stdout


COMMAND = '''
    """``seqtopo kind``: the kind of a spec, in one line."""

    from __future__ import annotations

    import argparse

    import seqtopo
    from seqtopo.cli.arguments import Parser, add_spec_options, dims_of
    from seqtopo.cli.files import check_spec
    from seqtopo.cli.terminal import put, put_diagnostics


    def parser() -> Parser:
        """Return what the command takes."""
        made = Parser("kind", "Tells the kind.", ("seqtopo kind spec.txt", "seqtopo kind spec.txt -D T=24"))
        made.add_argument("spec", help="a file with a spec, - for the standard input, or a spec")
        add_spec_options(made)
        return made


    def run(args: argparse.Namespace) -> int:
        """Print the kind, or what is wrong with the spec. Returns the exit code."""
        checked = check_spec(args.spec, dims_of(args.dims))
        if not checked.ok:
            put_diagnostics(checked.diagnostics)
            return 1
        put(seqtopo.check(checked.source.text).kind)
        return 0
'''


def test_a_command_is_a_module_and_a_line(copy: Copy) -> None:
    copy.write("seqtopo/cli/kind.py", COMMAND)
    last = '    "explain": "explain the code of a message",\n'
    copy.change("seqtopo/cli/main.py", last, last + '    "kind": "the kind of a spec",\n')
    assert copy.touched() == {"seqtopo/cli/kind.py", "seqtopo/cli/main.py"}
    assert copy.run(["kind", "in(T,8) -> lstm(4,seq) * 2 -> lstm(4)"]) == [(0, "many-to-one\n")]
    wrong, alone, help, near = copy.run(
        ["kind", "in(T,8) -> lstm(4) -> lstm(4)"], [], ["kind", "--help"], ["kindd"]
    )
    assert [code for code, _ in (wrong, alone, help, near)] == [1, 0, 0, 2]
    assert "error[ST301]" in wrong[1]
    assert "\n  kind " in alone[1]
    assert "seqtopo kind spec.txt -D T=24" in help[1]
    assert "did you mean seqtopo kind?" in near[1]
    names = ("tests/unit/test_cli_main.py", "tests/repo/test_public_names.py")
    copy.test(*names, "-k", "kind or alone or usage or test_public_names")


FORMAT = """
        Format("weights", "weights of NumPy", "", ".npz", {"torch": "keras"}, "numpy"),
"""
ENGINE = '''
    def write_weights(
        model: keras.Model, signature: Sequence[Any], format: Format, out: str, names: Sequence[str]
    ) -> None:
        """Write the weights of a dense layer, which is all that the format knows."""
        np.savez(out, *model.get_weights())


    def weights(path: str, inputs: Sequence[str]) -> Engine:
        """Weights of a dense layer, multiplied by NumPy."""
        kernel, bias = np.load(path).values()
        return Engine("NumPy", tuple(inputs), (), lambda arrays: [arrays[0] @ kernel + bias])


'''


def test_an_export_format_is_a_row_and_two_functions(copy: Copy) -> None:
    formats, engines = "seqtopo/exporting/formats.py", "seqtopo/exporting/engines.py"
    copy.change(formats, "    for row in (\n", "    for row in (" + FORMAT)
    copy.change(engines, "def _leaves", dedent(ENGINE).lstrip() + "def _leaves")
    copy.change(engines, '    "pt2": pt2,\n', '    "pt2": pt2,\n    "weights": weights,\n')
    copy.change(engines, '    "pt2": write_pt2,\n', '    "pt2": write_pt2,\n    "weights": write_weights,\n')
    assert copy.touched() == {formats, engines}
    spec = "in(3) -> dense(1)"
    help, made, ending, sigmoid = copy.run(
        ["export", "--help"],
        ["export", spec, "-o", "model.npz"],
        ["export", spec, "-o", "model.nothing"],
        ["export", "in(3) -> dense(1,sigmoid)", "-o", "a.npz"],
    )
    assert [code for code, _ in (help, made, ending, sigmoid)] == [0, 0, 1, 1]
    assert "one of weights, onnx, saved_model" in help[1]
    assert made[1].startswith("Wrote model.npz: weights of NumPy, through torch\n")
    assert "Run in NumPy on (2, 3) and on (3, 3): the same as Keras.\n" in made[1]
    assert "the endings are .npz, .onnx" in ending[1]
    assert "does not give what Keras gives" in sigmoid[1]


LAYER = """
    Row(
        "to_length",
        "UnitNormalization",
        "Each vector to length 1.",
        _SAME,
        "in(T,8) -> to_length",
        time=timing.mixes,
        mask=masking.passes,
        role="norm",
        params=(AXES,),
        positional=("axis",),
        rule=_unit,
    ),
)
"""
LINE = """
to_length = UnitNormalization
  order      axis
  axis       axis
  shape      ... -> ...
"""
WRITTEN = {
    "grammar/LANGUAGE.md",
    "grammar/LAYERS.md",
    "grammar/editors/vscode/syntaxes/seqtopo.tmLanguage.json",
}
"""The files that ``python -m seqtopo.cli.reference`` may change for a layer."""


def test_a_layer_is_a_row_and_a_line_of_the_ledger(
    copy: Copy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A layer of Keras that the table lacks: one of them is taken out of the copy first."""
    rows, ledger = "seqtopo/layers/normalization.py", "tests/unit/ledger.txt"
    known = (copy.root / rows).read_text(encoding="utf-8")
    at = known.index('    Row(\n        "unit_normalization"')
    copy.change(rows, known[at:], ")\n")
    line = (copy.root / ledger).read_text(encoding="utf-8")
    begin = line.index("unit_normalization = ")
    end = line.index("\n\n", begin) + 2
    copy.change(ledger, line[begin:end], "")
    copy.reference()
    ((code, shown),) = copy.run(["check", "in(T,8) -> to_length"])
    assert code == 1
    assert "no layer" in shown
    copy.before = copy._files()

    text = (copy.root / rows).read_text(encoding="utf-8")
    (copy.root / rows).write_text(text.removesuffix(")\n") + LAYER.lstrip("\n"), encoding="utf-8")
    said = (copy.root / ledger).read_text(encoding="utf-8")
    (copy.root / ledger).write_text(said + LINE, encoding="utf-8")
    copy.reference()
    assert copy.touched() - WRITTEN == {rows, ledger}

    spec = "in(5,int) -> embed(9,4,mask) -> to_length -> lstm(3)"
    built = tmp_path_factory.mktemp("built")
    checked, drawn, python, keras, decompiled = copy.run(
        ["check", spec, "--select", "ALL"],
        ["draw", spec, "--unrolled"],
        ["build", spec, "-o", str(built / "model.py")],
        ["build", spec, "-o", str(built / "model.keras")],
        ["decompile", str(built / "model.keras")],
    )
    assert [code for code, _ in (checked, drawn, python, keras, decompiled)] == [0] * 5
    assert "error" not in checked[1]
    assert "to_length" in drawn[1]
    assert "layers.UnitNormalization(" in (built / "model.py").read_text(encoding="utf-8")
    assert "to_length" in decompiled[1]
    facts = (
        "tests/unit/test_ledger.py",
        "tests/backends/test_masks.py",
        "tests/backends/test_rows_by_sample.py",
    )
    copy.test(*facts, "-k", "every_row or to_length")
