"""What a page was made from: the box on top of it, and the table at its end."""

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.data.dataset import Dataset
from helpers.study import architectures, names
from helpers.study.settings import PROTOCOL, Settings, differences, load_settings


def banner(settings: Settings, dataset: Dataset, beside: str = "") -> str:
    """What a page was made from, as HTML; an empty text where that is all as the report has it.

    beside : sentences in HTML on what else the page tells of.
    """
    made_from = " ".join(filter(None, [_about_data(dataset), about_bases(settings)]))
    told = [f"<p>{text}</p>" for text in (made_from, beside) if text]
    told.append(_about_protocol(settings, dataset))
    return f'<div class="made-from">{"".join(told)}</div>' if any(told) else ""


def _about_data(dataset: Dataset) -> str:
    if dataset.is_official and dataset.data_set.audited:
        return ""
    title = dataset.data_set.title
    if dataset.is_phantom:
        return (
            "Made from a <b>phantom</b>: synthetic images, drawn by a program. These figures show "
            f"that the book runs; they say nothing on patients, nor on {title}."
        )
    made_from = f"Made from <b>{escape(dataset.name)}</b>, a"
    if dataset.is_official:
        return f"{made_from} set that the report is not about."
    return f"{made_from} file of the user's own, and not from {title} itself."


def about_bases(settings: Settings) -> str:
    """Which bases don't hold Keras's ImageNet weights, in sentences; a file's name escaped."""
    told = []
    for model in settings.models:
        base, source = architectures.get(model).base, settings.weights(model)
        others = {settings.weights(m) for m in settings.models if architectures.get(m).base}
        whose = f"{base.title}'s base" if base and len(others) == 1 else f"The base of {model}"
        if base and settings.has_random_base(model):
            told.append(
                f"{whose} has <b>random weights</b>: its chapter shows the machinery, not what "
                "pretraining achieves."
            )
        elif base and source != "imagenet":
            told.append(
                f"{whose} has other weights than Keras's ImageNet ones "
                f"({escape(_shown(Path(source).stem))})."
            )
    return " ".join(dict.fromkeys(told))


def _about_protocol(settings: Settings, dataset: Dataset) -> str:
    told = "; ".join(
        f"<b>{name}</b> is {escape(_shown(here))} (protocol: {escape(_shown(protocols))})"
        for name, (here, protocols) in departures(settings, dataset).items()
    )
    count = len(departures(settings, dataset))
    settings_in_words = "one setting" if count == 1 else f"{count} settings"
    lead = f"Differs from the report's protocol (profile {PROTOCOL}) in {settings_in_words}"
    return f"<details><summary>{lead}</summary><p>{told}.</p></details>" if told else ""


def departures(settings: Settings, dataset: Dataset) -> dict[str, tuple[Any, Any]]:
    """Every setting that differs from the report's protocol, whatever the profile: here, there."""
    protocol = load_settings(PROTOCOL)
    sizes = dataset.size, protocol.data.image_size
    of_images = {} if sizes[0] == sizes[1] else {"image_size": sizes}
    return of_images | differences(settings, protocol)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return names.shown(Path(value).name)  # no folder of the machine
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def table(settings: Settings, dataset: Dataset, origin: str, made: dict) -> pd.DataFrame:
    """Data, profile, changed settings, seeds, commit, packages and hardware behind a page."""
    changed = [
        f"{name}={_shown(here)}" for name, (here, _) in departures(settings, dataset).items()
    ]
    rows = {
        "data": origin,
        "profile": settings.profile,
        "unlike the report's protocol": ", ".join(changed) or "nothing",
        "seeds": ", ".join(map(str, settings.seeds)),
        **{name: made[name] for name in ("date", "commit", "packages", "python", "hardware")},
    }
    return pd.DataFrame({"this page": rows}).rename_axis("made from")
