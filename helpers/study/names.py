"""Names that a user gives, as pages may show them."""

import re


def shown(name: str) -> str:
    """A file's name, safe in Markdown, HTML, TeX and figures.

    Letters and digits of any script, blanks and -.,()' stay; each run of anything else becomes a
    hyphen, so that nothing of it can mark up a page.
    """
    return re.sub(r"(?:[^\w .,()'-]|_)+", "-", name) or "-"
