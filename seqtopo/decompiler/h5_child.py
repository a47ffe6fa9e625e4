"""Read an HDF5 file in a process of its own, since the HDF5 library may crash or hang on a damaged one.

``python -m seqtopo.decompiler.h5_child config FILE`` prints the texts that a model's file has, and ``weights
FILE OUT`` writes its weights to a file, one array behind the other, and prints their names and shapes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py

from seqtopo.decompiler.files import NO_MODEL, no_model
from seqtopo.decompiler.losses import UnreadableError
from seqtopo.system.bounds import CONFIG_BYTES, H5_ITEMS, H5_LINKS, UNPACKED_BYTES, UNPACKED_TIMES

TEXTS = ("model_config", "training_config", "keras_version", "backend")


def main(what: str, path: Path, *out: str) -> dict[str, Any]:
    """Return the answer to print: ``texts`` or ``layers``, or ``wrong`` with a code, a message and a help."""
    _bound_memory(path)
    try:
        with h5py.File(path, "r") as file:
            check_size(file, path)
            return _texts(file, path) if what == "config" else _weights(file, path, Path(out[0]))
    except UnreadableError as error:
        said = error.diagnostic
        return {"wrong": [said.code, said.message, said.help]}
    except MemoryError:
        return {"damaged": "it names a size that no memory has"}
    # h5py raises of many kinds for what is damaged.
    except Exception as error:
        return {"damaged": " ".join(str(error).split())[:100]}


def _bound_memory(path: Path) -> None:
    """Limit this process' memory to what an honest file needs."""
    try:
        import resource

        most = 8 * 2**30 + 4 * path.stat().st_size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, OSError, ValueError):
        pass


def _texts(file: Any, path: Path) -> dict[str, Any]:
    found = {key: text_of(file.attrs, key, str(path)) for key in TEXTS}
    if found["model_config"] is None:
        raise _weights_only(file, path)
    held = file["model_weights"].attrs if "model_weights" in file else {}
    for key in ("keras_version", "backend"):
        if found[key] is None and held:
            found[key] = text_of(held, key, str(path))
    return {"texts": found}


def _weights(file: Any, path: Path, out: Path) -> dict[str, Any]:
    room = max(UNPACKED_BYTES, UNPACKED_TIMES * path.stat().st_size)
    root = file.get("model_weights", file)
    backend = text_of(root.attrs, "backend", str(path)) or text_of(file.attrs, "backend", str(path)) or ""
    numbered = "nb_layers" in root.attrs
    names = (
        [f"layer_{i}" for i in range(int(root.attrs["nb_layers"]))]
        if numbered
        else _words(root.attrs, "layer_names")
    )
    if not names:
        raise no_model(f"{path} holds no weights of layers that are called by name or number")
    layers = []
    with out.open("wb") as stream:
        for name in names:
            group = root[name]
            if "nb_params" in group.attrs:
                held = [group[f"param_{i}"] for i in range(int(group.attrs["nb_params"]))]
            else:
                held = [group[word] for word in _words(group.attrs, "weight_names")]
            room -= sum(int(one.nbytes) for one in held)
            if room < 0:
                raise no_model(f"{path} has weights that are far larger than the file")
            if any(one.dtype.kind not in "fiub" for one in held):
                raise no_model(f"{path} has weights of {name[:40]!r} that are not numbers")
            arrays = [one[()] for one in held]
            for array in arrays:
                stream.write(array.tobytes())
            layers.append(["" if numbered else name, [[a.dtype.str, list(a.shape)] for a in arrays]])
    return {"layers": layers, "backend": backend}


def check_size(file: Any, path: Path) -> None:
    """Refuse a file with more groups and arrays than any model has, or with links out of the file.

    Raises:
        UnreadableError: it is such a file (ST501).
    """
    count = 0
    todo = [file]
    seen: set[Any] = set()
    while todo:
        group = todo.pop()
        for name in group:
            count += 1
            if count > H5_ITEMS:
                raise no_model(f"{path} has more than {H5_ITEMS:,} groups and arrays")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise no_model(
                    f"{path} has a link to another place ({name[:40]!r}), which no model's file has"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                mark = h5py.h5o.get_info(item.id)
                if (mark.fileno, mark.addr) in seen or len(item.name) > H5_LINKS:
                    raise no_model(f"{path} has groups that hold themselves")
                seen.add((mark.fileno, mark.addr))
                todo.append(item)
            elif isinstance(item, h5py.Dataset) and item.external:
                raise no_model(f"{path} has an array in another file ({name[:40]!r})")


def text_of(attributes: Any, name: str, where: str) -> str | None:
    """Return a text among the attributes of a group; None if it has none of this name.

    Raises:
        UnreadableError: it is too long, or no text (ST501).
    """
    if name not in attributes:
        return None
    if attributes.get_id(name).get_storage_size() > CONFIG_BYTES:
        raise no_model(f"{where} has a {name} of more than {CONFIG_BYTES:,} bytes")
    value = attributes[name]
    if not isinstance(value, (str, bytes)) and getattr(value, "size", 0) == 1:
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        raise no_model(f"the {name} in {where} is not a text")
    if len(value) > CONFIG_BYTES:
        raise no_model(f"{where} has a {name} of more than {CONFIG_BYTES:,} bytes")
    return value


def _words(attributes: Any, name: str) -> list[str]:
    """Return a list of texts among the attributes, which stands in several parts if it is long."""
    parts = [attributes[name]] if name in attributes else []
    while f"{name}{len(parts)}" in attributes:
        parts.append(attributes[f"{name}{len(parts)}"])
    words = [word for part in parts for word in part]
    return [word.decode("utf-8") if isinstance(word, bytes) else str(word) for word in words]


def _weights_only(file: Any, path: Path) -> UnreadableError:
    """Return the error for an HDF5 file without a configuration; most such files hold weights alone."""
    attributes, names = set(file.attrs), set(file)
    weights = attributes & {"layer_names", "layer_names0", "nb_layers"} or "graph" in names
    if weights or names & {"layers", "_layer_checkpoint_dependencies", "model_weights"}:
        return UnreadableError(
            "ST501",
            f"{path} holds weights alone, as save_weights writes them: nothing in it says the layers",
            "give the model's own file: the text of model.to_json(), with seqtopo convert model model.json "
            f"--weights {path.name} -o new.keras",
        )
    return UnreadableError("ST501", f"{path} is an HDF5 file, but no Keras model is in it", NO_MODEL)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])))
