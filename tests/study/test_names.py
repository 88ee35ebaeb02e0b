"""Nothing of a name that a user gives can mark up a page."""

import pytest

from helpers.study import names


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("octmnist_mini", "octmnist-mini"),
        ("Netzhaut über (1) 网膜", "Netzhaut über (1) 网膜"),
        ("o'clock", "o'clock"),
        ("<script>alert('x')</script>", "-script-alert('x')-script-"),
        ("a&b|c*d_e`f$g$", "a-b-c-d-e-f-g-"),
        ("{{name}}\n# heading", "-name- heading"),
        ("$$\\href{javascript:alert(1)}{x}$$", "-href-javascript-alert(1)-x-"),
        ("[a](b)!", "-a-(b)-"),
        ("$", "-"),
        ("", "-"),
    ],
)
def test_a_name_is_shown_without_what_marks_up(name, shown):
    assert names.shown(name) == shown
