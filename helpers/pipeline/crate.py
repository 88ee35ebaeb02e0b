"""What a packed run says of itself: RO-Crate metadata, a README, and Zenodo's fields.

The crate conforms to RO-Crate 1.1 and to Workflow Run Crate 0.5: a Snakefile that was run, on what,
by which software, and what came out.
"""

import html
import re
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ContextEntity, Person
from rocrate.rocrate import ROCrate

from helpers.pipeline import address, croissant
from helpers.study import architectures
from helpers.study.provenance import file_digest
from helpers.study.runs import Run, read_json
from helpers.study.settings import REPOSITORY

METADATA, README = "ro-crate-metadata.json", "README.md"
ZENODO, DATA = ".zenodo.json", "croissant.json"
WORKFLOW, LOCK = "Snakefile", "requirements.txt"
# Files of the repository that go into a crate, each with what it is.
OF_THE_REPOSITORY = {
    WORKFLOW: "which artifact depends on what",
    LOCK: "the locked packages",
    "CITATION.cff": "how to cite",
    "LICENSE": "the code's licence",
}
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
CC_BY = "https://creativecommons.org/licenses/by/4.0/"
MIT = "https://spdx.org/licenses/MIT"
SHA256 = "https://w3id.org/ro/terms/workflow-run#sha256"
DISCLAIMER = "Research software, not a medical device."
# What each artifact is, by its name, and its media type by its suffix.
ARTIFACTS = {
    "predictions.npz": "probabilities and labels of validation and test images",
    "history.csv": "loss and accuracy by epoch",
    "model.keras": "the trained model, raw pixels in, probabilities out",
    "grad-cam.npz": "Grad-CAM maps of the test images",
    "provenance.json": "what made a training: settings, data, commit, packages, hardware, seconds",
    "run.json": "what the run is: settings, data and trainings",
    "metrics.json": "every test metric with its interval",
    "explanations.json": "every heatmap method by every criterion",
    "claims.json": "every claim of the report with its verdicts",
    "acquisition.json": "what another width of scans costs the models",
    "patients.json": "what holding patients together changes",
    "heatmaps.npz": "the maps on trial",
    "keys.json": "the keys under which results were made",
    README: "what this is, for people",
    ZENODO: "the fields of an archive's entry",
    DATA: "Croissant metadata of the images that were read",
}
MEDIA_TYPES = {
    ".json": "application/json",
    ".npz": "application/zip",
    ".keras": "application/zip",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".ipynb": "application/x-ipynb+json",
    ".cff": "application/yaml",
}


def citation() -> dict[str, Any]:
    """The fields of CITATION.cff."""
    return yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))


def readme(run: Run) -> str:
    """A page for people: what the run is, its figures, and how to render and verify it."""
    facts, made = read_json(run.description), _provenance(run)
    rows = []
    for model, by_seed in read_json(run.metrics).items():
        for seed, measured in by_seed.items():
            accuracy = measured["accuracy"]
            shown = [f"{100 * accuracy[part]:.1f}" for part in ("value", "low", "high")]
            rows.append(f"| {model} | {seed} | {shown[0]} % | {shown[1]} to {shown[2]} % |")
    name = run.folder.name
    return f"""# Run {name} of {citation()["title"]}

A finished run of a book that audits a student's report on retinal OCT images, as an RO-Crate.
**{DISCLAIMER}**

Data: {croissant.in_words(facts)}

| model | seed | test accuracy | 95 % interval |
| --- | --- | --- | --- |
{chr(10).join(rows)}

Commit {made["commit"]} of {address.current()}, on {made["date"]}, with Python {made["python"]},
{made["packages"]}; {made["hardware"]}.

In a checkout of that commit:

    make book FROM={name}.zip   # renders the site, training nothing
    make verify RUN={name}      # then: trains anew and compares (DATA= names a file of your own)

`artifacts/` holds what was measured, `notebooks/` the executed chapters, `{LOCK}` the
environment, `{DATA}` a description of the images, of which only those that chapters show are in
here, and `{METADATA}` the SHA-256 of every file. Results: CC BY 4.0. `{WORKFLOW}`: MIT.
"""


def zenodo(run: Run) -> dict[str, Any]:
    """The fields of a deposit on Zenodo."""
    return {
        "title": _title(run),
        "upload_type": "dataset",
        "publication_date": _provenance(run)["date"],
        "description": f"<p>{html.escape(_description(run))}</p>",
        "creators": [{"name": _name(author)} for author in citation()["authors"]],
        "access_right": "open",
        "license": "cc-by-4.0",
        "keywords": ["reproducibility", "deep learning", "optical coherence tomography"],
        "related_identifiers": [
            {
                "identifier": address.current(),
                "relation": "isDerivedFrom",
                "resource_type": "software",
            }
        ],
    }


def metadata(run: Run, files: dict[str, Path]) -> dict[str, Any]:
    """The content of `ro-crate-metadata.json` for files by their place in the crate.

    Depends on nothing but the run and the files: no clock, no random identifier.
    """
    facts, made = read_json(run.description), _provenance(run)
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms = {"sha256": SHA256}
    crate.name, crate.description = _title(run), _description(run)
    crate.datePublished = made["date"]
    crate.license = _context(crate, CC_BY, "CreativeWork", name="CC BY 4.0")
    authors = [_author(crate, author) for author in citation()["authors"]]
    crate.creator = crate.root_dataset["author"] = _one_or_more(authors)
    crate.publisher = _context(
        crate, address.current(), "Organization", name=citation()["title"], url=address.current()
    )
    profiles = [
        _context(crate, identifier, "CreativeWork", name=name, version=version)
        for identifier, (name, version) in PROFILES.items()
    ]
    entities = {place: _file(crate, place, path) for place, path in files.items()}
    data = _context(
        crate,
        "#images",
        "CreativeWork",
        name=facts["data"],
        description=croissant.in_words(facts),
        identifier=facts["data_fingerprint"],
        subjectOf={"@id": DATA},
    )
    settings = [
        _context(crate, f"#setting-{name}", "PropertyValue", name=name, value=_text(value))
        for name, value in facts["settings"].items()
        if value is not None
    ]
    made_files = [entity for place, entity in entities.items() if place.startswith("artifacts/")]
    crate.add_action(
        instrument=entities[WORKFLOW],
        identifier="#run",
        object=[data, *settings],
        result=made_files,
        properties={
            "@type": "CreateAction",
            "name": _title(run),
            "endTime": made["date"],
            "description": f"On {made['hardware']}, with Python {made['python']}, "
            f"{made['packages']}.",
        },
    )["agent"] = _one_or_more(authors)
    crate.root_dataset["mentions"] = {"@id": "#run"}
    crate.root_dataset["conformsTo"] = profiles
    return crate.metadata.generate()


def _file(crate: ROCrate, place: str, path: Path) -> ContextEntity:
    name = Path(place).name
    properties = {
        "name": place,
        "description": ARTIFACTS.get(name) or OF_THE_REPOSITORY.get(name, "an executed chapter"),
        "encodingFormat": MEDIA_TYPES.get(Path(place).suffix, "text/plain"),
        "contentSize": str(path.stat().st_size),
        "sha256": file_digest(path),
    }
    if place == README:
        properties["about"] = {"@id": "./"}
    if place != WORKFLOW:
        return crate.add_file(path, place, properties=properties)
    properties |= {
        "license": {"@id": MIT},
        "codeRepository": address.current(),
        "url": address.current(),
        "version": str(citation()["version"]),
    }
    return crate.add_workflow(path, place, properties=properties, main=True, lang="snakemake")


def _author(crate: ROCrate, author: dict[str, str]) -> ContextEntity:
    identifier = author.get("orcid") or f"#{re.sub(r'[^a-z]+', '-', _name(author).lower())}"
    if "family-names" in author:
        return crate.add(Person(crate, identifier, {"name": _name(author)}))
    url = author.get("website", address.current())
    return _context(crate, identifier, "Organization", name=_name(author), url=url)


def _one_or_more(entities: list[ContextEntity]) -> ContextEntity | list[ContextEntity]:
    """A list of one is written as that one, as RO-Crate recommends."""
    return entities if len(entities) > 1 else entities[0]


def _name(author: dict[str, str]) -> str:
    if "family-names" in author:
        return f"{author['family-names']}, {author.get('given-names', '')}".rstrip(", ")
    return author["name"]


def _context(crate: ROCrate, identifier: str, kind: str, /, **properties: Any) -> ContextEntity:
    return crate.add(ContextEntity(crate, identifier, {"@type": kind, **properties}))


def _provenance(run: Run) -> dict[str, Any]:
    """What made the run's first training."""
    model, seed = next(iter(read_json(run.description)["trainings"])).split(", seed ")
    return read_json(run.training(model, int(seed)) / "provenance.json")


def _title(run: Run) -> str:
    return f"{citation()['title']}: run {run.folder.name}, on {_data(run)}"


def _data(run: Run) -> str:
    return read_json(run.description)["data"]


def _description(run: Run) -> str:
    models = {name.split(", seed ")[0] for name in read_json(run.description)["trainings"]}
    titles = [architectures.get(m).title for m in architectures.names() if m in models]
    return (
        f"{citation()['abstract']} This run on {_data(run)}: {', '.join(titles)}, with "
        f"predictions, metrics, verdicts, heatmaps, models and executed chapters. {DISCLAIMER}"
    )


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
