// Compile Python in a folder with the Python that the page runs: node compile.mjs FOLDER
// Docstrings, assertions and line numbers are left out: nobody reads them there.
import { loadPyodide } from "pyodide";

const python = await loadPyodide();
python.FS.mkdirTree("/compiled");
python.FS.mount(python.FS.filesystems.NODEFS, { root: process.argv[2] }, "/compiled");
python.runPython(`
import importlib.util, marshal, os, types

UNCHECKED = (1).to_bytes(4, "little")

def bare(code):
    constants = tuple(bare(each) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    return code.replace(co_linetable=b"", co_consts=constants)

for folder, _, names in os.walk("/compiled"):
    for name in names:
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                source = file.read()
            code = bare(compile(source, path.removeprefix("/compiled/"), "exec", dont_inherit=True, optimize=2))
            head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source)
            with open(path + "c", "wb") as file:
                file.write(head + marshal.dumps(code))
`);
python.FS.unmount("/compiled");
