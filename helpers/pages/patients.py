"""Chapter 12, patients: what a split that parts a patient's scans adds to validation."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.evaluation import patients
from helpers.evaluation.patients import Leak, Patients
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures

# The marks of the three accuracies and of the three differences.
ACCURACIES = {"by_image": "by image", "by_patient": "by patient", "test": "test"}
LEAKS = {"related": "with a relative", "leak": "all images", "alone": "without one"}
MARKS = ("o", "s", "D")
COLOURS = ("#0072B2", "#D55E00", "#555555")


def told_of(study: Study) -> Study:
    """The study whose patients the page shows: this run's, or where unknown the recorded one's."""
    here = patients.load_or_measure(*study.given)
    return study.record if here.why and study.record else study


def findings(study: Study) -> list[str]:
    """What validation by image adds, beside validation by patient."""
    found = patients.load_or_measure(*study.given)
    if found.why:
        return [found.why]
    return [known(found), *(leaked(name, leak) for name, leak in found.leaks.items())]


def known(found: Patients) -> str:
    """How many images name their patient, and how many share one."""
    if found.why:
        return ""
    counts = found.counts
    return (
        f"Of {counts['images']:,} training and validation images "
        f"{counts['images of known patients']:,} name one of {counts['patients']:,} patients; "
        f"{counts['images with a relative']:,} share a patient, or look nearly alike."
    )


def leaked(name: str, leak: Leak) -> str:
    """What a split by image adds to one classifier's validation accuracy."""
    verdict = "adds accuracy" if (leak.leak.low or 0) > 0 else "is not shown to add accuracy"
    return (
        f"For {name}, a split by image instead of by patient {verdict}: "
        f"{leak.leak.points()} points, {leak.related.points()} for images with a relative and "
        f"{leak.alone.points()} for those without."
    )


def against_test(name: str, leak: Leak) -> str:
    """How the leak compares with the gap between validation and test."""
    gap = leak.by_image.value - leak.test.value
    rest = leak.by_patient.value - leak.test.value
    return (
        f"For {name}: validated by image {100 * leak.by_image.value:.1f} %, by patient "
        f"{100 * leak.by_patient.value:.1f} %, on test {100 * leak.test.value:.1f} %. Validation "
        f"minus test is {points(gap)} points by image and {points(rest)} by patient."
    )


def points(difference: float) -> str:
    """A difference in points of 100 with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "\N{MINUS SIGN}")


def accuracies(found: Patients) -> Figure | None:
    """Accuracy by image, by patient and on test (left), and the differences (right)."""
    if found.why:
        return None
    height = 0.75 * len(found.leaks) + 1.3
    figure, axes = plt.subplots(1, 2, figsize=(6.4, height), sharey=True)
    names = [_in_two_lines(name) for name in found.leaks]
    for axis, fields in zip(axes, (ACCURACIES, LEAKS), strict=True):
        offsets = np.linspace(-0.22, 0.22, len(fields))
        for offset, field, mark, colour in zip(offsets, fields, MARKS, COLOURS, strict=True):
            for place, leak in enumerate(found.leaks.values()):
                look = {"fmt": mark, "color": colour, "label": "" if place else fields[field]}
                style.dot(axis, getattr(leak, field), place + offset, **look)
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=9)
    axes[0].set(xlabel="accuracy (%)", yticks=range(len(names)), yticklabels=names)
    axes[1].set(xlabel="difference (points)")
    axes[1].axvline(0, color=style.GREY, lw=0.8)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def independence(found: Patients) -> str:
    """How much less test images tell for coming from fewer patients."""
    if found.why:
        return ""
    effects = [effect for by_seed in found.design_effect.values() for effect in by_seed.values()]
    wider = 100 * (np.sqrt(max(effects)) - 1)
    counts = found.counts
    return (
        f"The {counts['test images']:,} test images come from {counts['test patients']:,} "
        f"patients. With patients resampled instead of images, the variance of test accuracy is "
        f"{min(effects):.2f} to {max(effects):.2f} times as large (the design effect), so that an "
        f"interval grows by at most {max(wider, 0):.0f} % of its width."
    )


def two_labels(found: Patients) -> str:
    """How many test patients have images under several labels, and accuracy without them."""
    if found.why:
        return ""
    told = []
    for model, by_seed in found.one_label.items():
        means = [
            100 * np.mean([measured.value for measured in each.values()])
            for each in (by_seed, found.accuracy[model])
        ]
        told.append(
            f"{means[0]:.1f} % rather than {means[1]:.1f} % ({architectures.get(model).title})"
        )
    return (
        f"Of the test patients {found.counts['test patients with two labels']:,} have images under "
        "two labels or more: two diseases, two eyes or an error. Without their images accuracy is "
        f"{words.listed(told)}, means over seeds."
    )


def by_model(found: Patients) -> pd.DataFrame | None:
    """Test accuracy of each model's first seed, with patients resampled; and the design effect."""
    if found.why:
        return None
    rows = {}
    for model, by_seed in found.accuracy.items():
        seed = next(iter(by_seed))
        rows[architectures.get(model).sentence_title] = {
            "accuracy, patients resampled": by_seed[seed].percent(),
            "design effect": f"{found.design_effect[model][seed]:.2f}",
        }
    return pd.DataFrame(rows).T.rename_axis("first seed of")


def learned(found: Patients) -> str:
    """What the chapter's own figures say of leakage as a rival of the acquisition shift."""
    if found.why:
        return f"{found.why} So nothing is learned here of leaks between splits."
    *_, (name, leak) = found.leaks.items()
    size = "adds" if (leak.leak.low or 0) > 0 else "is not shown to add"
    return (
        f"With the patients that are known, a leak between training and validation {size} to the "
        f"validation accuracy of {name} ({leak.leak.points()} points)."
    )


def _in_two_lines(name: str) -> str:
    return re.sub(r" (of|on) ", r"\n\1 ", name)
