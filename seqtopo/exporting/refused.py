"""Why a model is not exported, as the child process reports it."""

from __future__ import annotations


class RefusedError(Exception):
    """Why a model is not exported: the code of the diagnostic, what is to be said, and whether another
    backend may be able to (``elsewhere``).
    """

    def __init__(self, code: str, message: str, *notes: str, help: str = "", elsewhere: bool = True) -> None:
        super().__init__(message)
        self.answer = {
            "code": code,
            "message": message,
            "notes": list(notes),
            "help": help,
            "elsewhere": elsewhere,
        }


def said(error: BaseException) -> str:
    """What an error says, on one line and not too long."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:300]}{'...' if len(words) > 300 else ''}"
