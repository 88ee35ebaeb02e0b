"""Two models on the same images, in a sentence: chapters 4 and 6."""

from collections.abc import Sized

from helpers.evaluation.comparison import Comparison
from helpers.study import architectures

SIGNIFICANCE = 0.05


def alone(models: Sized) -> str:
    """Says that a run's only model can't be compared; else nothing."""
    return "" if len(models) > 1 else "This run has one model, and no other to compare it with."


def sentence(first: str, second: str, compared: Comparison) -> str:
    """Two models on the same test images, with McNemar's exact test in words."""
    a, b = (architectures.get(model).title for model in (first, second))
    more = compared.only_second - compared.only_first
    value, low, high, n = compared.difference
    points = f"{100 * value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
    b_begins = architectures.get(second).sentence_title
    lead = f"{b_begins} and {a} get the same number of the {n:,} test images right ({points})"
    if more:
        lead = (
            f"{b_begins} gets {abs(more)} {'more' if more > 0 else 'fewer'} of the {n:,} test "
            f"images right than {a} ({points})"
        )
    is_shown = compared.p_value < SIGNIFICANCE
    verdict = "a difference is shown" if is_shown else "no difference can be shown"
    return (
        f"{lead}: {compared.only_second} only {b} gets right, {compared.only_first} only {a}. By "
        f"McNemar's exact test at 5 % {verdict} (p = {compared.p_value:.2g})."
    )
