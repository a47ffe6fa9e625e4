// Compile Python in a folder with the Python that the page runs: node compile.mjs FOLDER
import { loadPyodide } from "pyodide";

const python = await loadPyodide();
python.FS.mkdirTree("/compiled");
python.FS.mount(python.FS.filesystems.NODEFS, { root: process.argv[2] }, "/compiled");
const fine = python.runPython(`
import compileall, py_compile
compileall.compile_dir(
    "/compiled", quiet=1, legacy=True, optimize=2, stripdir="/compiled", maxlevels=30,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)
`);
python.FS.unmount("/compiled");
process.exit(fine ? 0 : 1);
