"""The one kind of error that a user is meant to read."""


class InputError(ValueError):
    """Something the user gave can't be used; the message says what, where and what to do."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a reader needs the sentence, not the stack.
        return [f"InputError: {self}"]
