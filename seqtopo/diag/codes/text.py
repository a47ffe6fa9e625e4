"""ST1xx: the text cannot be read as a spec."""

from __future__ import annotations

from seqtopo.diag.codes.row import Code

ROWS = (
    Code(
        code="ST101",
        name="unknown-character",
        summary="A character stands here that no spec contains.",
        what=(
            "The language is written with letters, digits, the underscore, brackets, quotes and the signs "
            "`-> = , . * + - / % ?` and `#`. Anything else is refused at the place where it stands. Inside "
            "a string or a comment every character is allowed."
        ),
        why=(
            "Such a character usually comes from another language, like `;` at the end of a line, or from a "
            "word processor that turned `->` into an arrow and plain quotes into curly ones. Skipping it in "
            "silence could change what the spec says."
        ),
        example="in(T,F) -> lstm(64);",
        instead="in(T,F) -> lstm(64)",
    ),
    Code(
        code="ST102",
        name="syntax",
        summary="The words are fine, but not in this order.",
        what=(
            "Up to this place the text could be read; what stands here cannot follow. Most often an arrow, "
            "a comma or a name is missing just before the marked place. The message lists what could have "
            "stood here instead."
        ),
        why=(
            "A spec has to be read as a whole, so that nothing in it is dropped by accident. Where two "
            "readings would be possible we ask rather than guess."
        ),
        example="in(T,F) -> lstm(64) dense(1)",
        instead="in(T,F) -> lstm(64) -> dense(1)",
    ),
    Code(
        code="ST103",
        name="unclosed-bracket",
        summary="A bracket or a string is opened and not closed, or closed and not opened.",
        what=(
            "Every `(` needs its `)`, every `[` its `]` and every quote its twin, in the right order. The "
            "message points at the one that has no partner, and at the place where the partner was missed."
        ),
        why=(
            "As long as a bracket is open, the statement goes on over the end of the line. One forgotten "
            "bracket therefore swallows everything after it, and the place where reading stops may be far "
            "from the cause."
        ),
        example="in(T,F) -> lstm(64",
        instead="in(T,F) -> lstm(64)",
    ),
    Code(
        code="ST104",
        name="too-deep",
        summary="Brackets are nested more than 64 deep.",
        what=(
            "At most 64 brackets may be open at the same time. Give the inner part a name on a line of its "
            "own, or drop brackets that hold only one thing."
        ),
        why=(
            "No model needs this depth, and a limit keeps a broken or hostile text from exhausting the "
            "stack. Length is not limited in this way: a flow may have thousands of steps."
        ),
        example="in(T,F) -> " + "(" * 80 + "lstm(64)" + ")" * 80,
        instead="in(T,F) -> (lstm(64))",
    ),
    Code(
        code="ST105",
        name="not-a-spec",
        summary="This is no spec text: it is too large or not text at all.",
        what=(
            "A spec is plain text of at most 5,000,000 characters, stored as UTF-8. Files with binary "
            "content, such as a saved model, are refused before anything is read from them."
        ),
        why=(
            "Handing over `model.keras` where `model.spec` was meant is an easy slip. Without this check it "
            "would end in pages of messages about unknown characters."
        ),
        instead="in(T,F) -> lstm(64)",
        reason="A text of that size, or a binary one, does not fit on a page.",
    ),
    Code(
        code="ST106",
        name="empty",
        summary="There is no flow in this spec, so there is no model.",
        what=(
            "A spec needs at least one flow, such as `in(T,F) -> lstm(64)`. Comments, `let`, `def` and "
            "`train` prepare or accompany a model but are none by themselves."
        ),
        why=(
            "The last flow is the model's output. Where there is none, there is nothing to check and "
            "nothing to build; an empty file is more often a mistake in a path than a wish."
        ),
        example="# two recurrent layers, to be written tomorrow",
        instead="in(T,F) -> lstm(64,seq) -> lstm(32)",
    ),
)
