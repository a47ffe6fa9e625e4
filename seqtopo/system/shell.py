"""Quote commands for a shell; each printed command that contains a user's words goes through here."""

from __future__ import annotations

import os
import re

_PLAIN = r"[A-Za-z0-9_@%+=:,./-]+"
_IN_DOUBLE = r'[^"$`\\!\n]*'


def command(*words: str) -> str:
    r"""Return a command of these words, each quoted where a shell would not take it as it is.

    >>> print(command("seqtopo", "build", "in(T,8) -> lstm(4)", "-D", "T=24", "my spec.txt"))
    seqtopo build "in(T,8) -> lstm(4)" -D T=24 "my spec.txt"
    >>> print(command("seqtopo", "fmt", "it's $5.txt"))
    seqtopo fmt 'it'"'"'s $5.txt'
    >>> print(command("cat", "red\x1b[31m"))
    cat $'red\x1b[31m'
    """
    return " ".join(map(_quoted, words))


def _escaped(character: str) -> str:
    """Return a character as it stands between ``$'`` and ``'``, which Bash, Zsh and other shells know."""
    if character in "\\'":
        return "\\" + character
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _quoted(word: str) -> str:
    """Return a word in double quotes, which every shell knows, or in others where they are not enough."""
    if re.fullmatch(_PLAIN, word):
        return word
    if not word.replace("\n", "").replace("\t", "").isprintable():
        return "$'" + "".join(map(_escaped, word)) + "'"
    if word and re.fullmatch(_IN_DOUBLE, word):
        return f'"{word}"'
    from shlex import quote

    return quote(word)
