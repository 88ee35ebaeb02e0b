"""Croissant metadata of the images that a run read: what they are and how to have them again.

The images themselves are never packed: a phantom is drawn anew, MedMNIST publishes its own, and a
user's file is the user's.
"""

from typing import Any

import mlcroissant

from helpers.study import data_sets

LICENCES = {
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC BY-NC 4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
}


def describe(facts: dict[str, Any], address: str, version: str) -> dict[str, Any]:
    """The JSON-LD of the images that the facts of a `run.json` tell of.

    `address` is the repository's, `version` the one of the code that draws a phantom.
    """
    entry, size = data_sets.get(facts["data_set"]), facts["shape"][0]
    metadata = mlcroissant.Metadata(
        name=facts["data"],
        description=in_words(facts),
        url=address,
        version=version,
        license=[_licence(facts, entry)],
    )
    if facts["is_official"]:
        archive = mlcroissant.FileObject(
            id=f"{entry.name}-{size}.npz",
            name=f"{entry.name}-{size}.npz",
            description=f"{entry.title} at {size} x {size} px, as MedMNIST publishes it",
            content_url=entry.address[size],
            encoding_formats=["application/zip"],
            md5=entry.md5[size],
        )
        metadata.distribution = [archive]
        metadata.url = "https://medmnist.com"
    return metadata.to_json()


def in_words(facts: dict[str, Any]) -> str:
    """What the images are, their fingerprint, and where they come from; a few sentences."""
    entry, settings = data_sets.get(facts["data_set"]), facts["settings"]
    height, width, channels = facts["shape"]
    told = f"Images of {height} x {width} px with {channels} channel{'s' * (channels > 1)}"
    told += f" and labels of {len(entry.classes)} classes in three splits. SHA-256 of all images "
    told += f"and labels: {facts['data_fingerprint']}. "
    if facts["is_phantom"]:
        counts = ", ".join(map(str, settings["phantom_images"]))
        return told + (
            f"A phantom: synthetic images that a program (helpers/data/phantom.py) draws anew from "
            f"phantom_seed={settings['phantom_seed']} and phantom_images=[{counts}]; they imitate "
            f"{entry.title} and say nothing on patients."
        )
    if facts["is_official"]:
        return told + f"{entry.title}, as MedMNIST publishes it ({entry.licence})."
    return told + (
        f"A file of a user's own in the format of {entry.title}, which is not distributed here."
    )


def _licence(facts: dict[str, Any], entry: data_sets.DataSet) -> str:
    if facts["is_phantom"]:
        return LICENCES["CC BY 4.0"]
    if facts["is_official"]:
        return LICENCES.get(entry.licence, entry.licence)
    return "not known: the user's own file"
