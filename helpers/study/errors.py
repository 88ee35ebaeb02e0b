"""The one kind of error that a user is meant to read."""

LONGEST = 1_000  # characters of a message; what was given may be a page of digits


class InputError(ValueError):
    """Something the user gave can't be used; the message says what, where and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a reader needs the sentence, not the stack.
        return [f"InputError: {self}"]


def one_line(text: str) -> str:
    """A text as one line of a terminal: what can't be printed escaped, the middle of long ones cut.

    File names may hold line breaks and bytes that are no text.
    """
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    if len(shown) <= LONGEST:
        return shown
    half = LONGEST // 2
    return f"{shown[:half]} [...] {shown[-half:]}"
