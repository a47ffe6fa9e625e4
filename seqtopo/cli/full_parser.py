"""The argument parser proper, loaded where an option is given or help is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn


class FullParser(argparse.ArgumentParser):
    """An argument parser whose errors teach: what is wrong, an example, where to read more."""

    def __init__(
        self, command: str, about: str, examples: Sequence[str], usage_error: Callable[..., Exception]
    ) -> None:
        super().__init__(
            prog=f"seqtopo {command}",
            description=about,
            epilog="examples:\n" + "\n".join(f"  {example}" for example in examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.examples = examples
        self._usage_error = usage_error

    def error(self, message: str) -> NoReturn:
        """Raises a usage error with an example."""
        message = message.removeprefix("argument ")
        if message.startswith("the following arguments are required: "):
            message = f"{self.prog} needs a {message.rpartition(' ')[2]}"
        raise self._usage_error(message, f"for example: {self.examples[0]}", f"{self.prog} --help says more")
