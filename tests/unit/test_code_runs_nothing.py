"""Reading code runs none of it, whatever part of it would act when it is imported or called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seqtopo.code.read import read_file

ACTIONS = (
    "open({path!r}, 'w').write('x')",
    "__import__('pathlib').Path({path!r}).write_text('x')",
    "__import__('os').system('touch {path}')",
    "eval(\"open({path!r}, 'w')\")",
    "exec(\"open({path!r}, 'w')\")",
)
"""Code that writes a file if it is run."""

PLACES = (
    "{action}",
    "x = [{action}]",
    "@{action}\ndef f():\n    pass",
    "def f(x={action}):\n    pass",
    "def f(x: {action}) -> {action}:\n    pass",
    "f = lambda x={action}: x\nf()",
    "class M(type):\n    def __new__(m, *a):\n        {action}\n        return type.__new__(m, *a)\n"
    "class C(metaclass=M):\n    x = {action}",
    "class C({action}):\n    pass",
    "class C:\n    def __init_subclass__(cls):\n        {action}\nclass D(C):\n    pass",
    "class C:\n    def __init__(self):\n        {action}\n    def __repr__(self):\n        {action}\n"
    "print(f'{{C()!r}}')",
    "x: {action} = 1",
    'y = f"""{{{action}}}"""',
    'y = f"""{{1:{{{action}}}}}"""',
    "with {action} as f:\n    pass",
    "for x in [1, 2]:\n    {action}",
    "x = [{action} for x in range(3)]",
    "x = {action} if 1 else 2",
    "try:\n    raise ValueError\nexcept {action}:\n    {action}",
    "assert {action}, {action}",
    "import keras\nmodel = keras.Sequential([keras.layers.Lambda(lambda x: {action})])\n"
    "model(keras.Input((3,)))",
    "import keras\nmodel = keras.Sequential([keras.layers.Dense({action})])",
    "match {action}:\n    case 1:\n        {action}",
    "class C:\n    @property\n    def x(self):\n        return {action}\nC().x",
    "def g():\n    yield {action}\nlist(g())",
    "import functools\nfunctools.partial(open, {path!r}, 'w')().write('x')",
)
"""The places of such code in a program."""


def test_there_are_more_than_a_hundred_programs() -> None:
    assert len(ACTIONS) * len(PLACES) > 100


@pytest.mark.parametrize("place", PLACES)
def test_no_code_runs(place: str, tmp_path: Path) -> None:
    for number, action in enumerate(ACTIONS):
        written = tmp_path / "written"
        code = place.format(action=action.format(path=str(written)), path=str(written))
        file = tmp_path / f"code{number}.py"
        file.write_text(code, encoding="utf-8")
        read_file(file)
        assert not written.exists(), code


def test_a_program_that_is_run_writes_its_file(tmp_path: Path) -> None:
    """The programs would be seen if they ran."""
    written = tmp_path / "written"
    action = ACTIONS[1].format(path=str(written))
    for place in (PLACES[0], PLACES[1], PLACES[3], PLACES[11]):
        code = place.format(action=action, path=str(written))
        exec(compile(code, "code", "exec"), {})
        assert written.exists(), code
        written.unlink()


def test_a_file_of_the_project_is_read_and_not_imported(tmp_path: Path) -> None:
    written = tmp_path / "written"
    (tmp_path / "parts.py").write_text(f"UNITS = 4\nopen({str(written)!r}, 'w')\n", encoding="utf-8")
    main = tmp_path / "main.py"
    main.write_text(
        "from keras import layers, Sequential, Input\nfrom parts import UNITS\n"
        "model = Sequential([Input((8, 3)), layers.LSTM(UNITS)])\n",
        encoding="utf-8",
    )
    found = read_file(main)
    assert found.models[0].calls[0].layer.args["units"].value == 4
    assert not written.exists()
    assert "parts" not in sys.modules
