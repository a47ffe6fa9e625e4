"""The configuration in an HDF5 file that Keras 1 to 3 saved; h5py, which comes with Keras, reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqtopo.decompiler.files import NO_MODEL, no_model, parse_config
from seqtopo.decompiler.losses import UnreadableError
from seqtopo.system.bounds import CONFIG_BYTES, H5_ITEMS, H5_LINKS
from seqtopo.system.opening import open_file
from seqtopo.system.packages import get


def read_h5(path: Path) -> dict[str, Any]:
    """Return the configuration of the model in an HDF5 file, with ``keras_version`` and ``training_config``.

    Raises:
        UnreadableError: it holds none, is damaged, or h5py is not installed (ST501).
    """
    with opened(path) as file:
        said = text_of(file.attrs, "model_config", str(path))
        if said is None:
            raise weights_only(file, path)
        config = parse_config(said, str(path))
        for key in ("keras_version", "backend"):
            value = text_of(file.attrs, key, str(path))
            if value is None and "model_weights" in file:
                value = text_of(file["model_weights"].attrs, key, str(path))
            if value is not None:
                config.setdefault(key, value)
        # Keras 1 did not write its version into the oldest files.
        config.setdefault("keras_version", "1.0")
        trained = text_of(file.attrs, "training_config", str(path))
        if trained is not None:
            config["training_config"] = parse_config(trained, f"{path} (training_config)")
    return config


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file, opened for reading; what h5py raises meanwhile is told as damage.

    Raises:
        UnreadableError: it cannot be opened or read (ST501), or h5py is not installed.
        OSError: there is no such file.
    """
    open_file(path).close()
    try:
        import h5py  # loads NumPy: only for such files
    except ImportError:
        raise UnreadableError(
            "ST501", f"{path} is an HDF5 file, which h5py reads: it is not installed", get("h5py")
        ) from None
    try:
        with h5py.File(path, "r") as file:
            check_size(file, path)
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        said = " ".join(str(error).split())[:100]
        empty = not os.path.getsize(path)
        raise no_model(
            f"{path} cannot be read: {'it is empty' if empty else f'it is damaged ({said})'}"
        ) from None
    except MemoryError:
        raise no_model(f"{path} cannot be read: it is damaged, and names a size that no memory has") from None


def check_size(file: Any, path: Path) -> None:
    """Refuses a file of more groups and arrays than any model has, or whose links lead out of it.

    Raises:
        UnreadableError: it is such a file (ST501).
    """
    import h5py

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
    """A text among the attributes of a group; None where there is none.

    Raises:
        UnreadableError: it is too long, or no text (ST501).
    """
    if name not in attributes:
        return None
    if attributes.get_id(name).get_storage_size() > CONFIG_BYTES:
        raise no_model(f"{where} has a {name} of more than {CONFIG_BYTES:,} bytes")
    value = attributes[name]
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        value = getattr(value, "item", lambda: value)() if getattr(value, "size", 0) == 1 else value
        value = value.decode("utf-8") if isinstance(value, bytes) else value
    if not isinstance(value, str):
        raise no_model(f"the {name} in {where} is no text")
    if len(value) > CONFIG_BYTES:
        raise no_model(f"{where} has a {name} of more than {CONFIG_BYTES:,} bytes")
    return value


def weights_only(file: Any, path: Path) -> UnreadableError:
    """What is wrong with an HDF5 file without a configuration: most hold weights alone."""
    attributes, names = set(file.attrs), set(file)
    weights = attributes & {"layer_names", "layer_names0", "nb_layers"} or "graph" in names
    if weights or names & {"layers", "_layer_checkpoint_dependencies", "model_weights"}:
        return UnreadableError(
            "ST501",
            f"{path} holds weights alone, as save_weights writes them: nothing in it says the layers",
            f"give the model's own file: the text of model.to_json(), with seqtopo convert model model.json "
            f"--weights {path.name} -o new.keras",
        )
    return UnreadableError("ST501", f"{path} is an HDF5 file, but no Keras model is in it", NO_MODEL)
