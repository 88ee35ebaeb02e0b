"""Which artifact and which page depends on what; `make book` calls this through the pipeline.

By hand: snakemake --cores all --config parameters='{profile: demo}'. A training depends on its key
(`trainings.key`) alone, what is made of trainings on theirs and on the code that makes it, a
chapter on its notebook, the helpers that it imports and the artifacts that its metadata names.
"""

import json
import sys
from pathlib import Path

import yaml

from helpers.data import dataset, scans
from helpers.heatmaps import controls, results
from helpers.models import trainings
from helpers.study import architectures, runs
from helpers.study.code import imported_by
from helpers.study.provenance import digest, file_digest
from helpers.study.settings import (
    DEFAULT_PROFILE,
    PROTOCOL,
    REPOSITORY,
    differences,
    load_settings,
)

PARAMETERS = config.get("parameters", {"profile": DEFAULT_PROFILE})
SETTINGS = load_settings(**PARAMETERS)
DATASET = dataset.load(SETTINGS.data)
FOLDER = f"runs/{config.get('run', SETTINGS.profile)}"
RUN = runs.Run(Path(FOLDER))
LISTED = [entry["file"] for entry in yaml.safe_load(Path("_toc.yml").read_text())["chapters"]]
CHAPTERS = [name for name in LISTED if Path(f"book/{name}.ipynb").exists()]
JOB = (
    f"{sys.executable} -m helpers.pipeline.jobs "
    "--folder {params.folder:q} --parameters {params.parameters:q} "
)
TRAINING = ("predictions.npz", "history.csv", "model.keras", "provenance.json")
# What every page tells of the settings, which a profile may change without the caller's parameters.
TOLD = json.dumps([SETTINGS.flat(), differences(SETTINGS, load_settings(PROTOCOL))])
TRAINED = [(model, seed) for model in SETTINGS.models for seed in SETTINGS.seeds]


def trained(pairs, name="predictions.npz"):
    return [str(RUN.training(model, seed) / name) for model, seed in pairs]


def trained_controls():
    on_trial = () if controls.why_no_truth(DATASET) else controls.models_on_trial(SETTINGS)
    return [f"{FOLDER}/controls/{model}.trained" for model in on_trial]


# What a chapter's metadata may name, and the files that it then reads.
READABLE = {
    "trainings": trained(TRAINED),
    "metrics": [str(RUN.metrics)],
    "grad_cam": trained(TRAINED, "grad-cam.npz"),
    "explanations": [str(RUN.explanations)],
    "claims": [str(RUN.claims)],
}


def read_by(chapter):
    metadata = json.loads(Path(f"book/{chapter}.ipynb").read_text())["metadata"]["octmnist"]
    own = [pair for pair in TRAINED if architectures.get(pair[0]).chapter == chapter]
    return sum((READABLE[name] for name in metadata["reads"]), trained(own))


def imports_of(path):
    return [str(module.relative_to(REPOSITORY)) for module in imported_by(Path(path))]


def read_beside(chapter):
    """What a chapter reads besides artifacts and modules: the images, and what lies beside them."""
    imported = imports_of(f"book/{chapter}.ipynb")
    beside = scans.companions(DATASET) if "helpers/data/scans.py" in imported else []
    return digest(DATASET.fingerprint, [file_digest(path) for path in beside])


def ledger_of(chapter):
    imported = imports_of(f"book/{chapter}.ipynb")
    return ["book/claims.yaml"] if "helpers/ledger/claims.py" in imported else []


def made_of_trainings(module, *more):
    return trainings.result_key(SETTINGS, DATASET, REPOSITORY / module, *more)


wildcard_constraints:
    model="|".join(architectures.names()),
    seed=r"\d+",


# An output marked update stays in place until its job replaces it whole.
rule site:
    input:
        [str(RUN.notebooks / f"{chapter}.ipynb") for chapter in CHAPTERS],
        READABLE["metrics"],
        READABLE["explanations"],
        READABLE["claims"],
        READABLE["grad_cam"],
        "_config.yml",
        "_toc.yml",
        sorted(str(path) for path in Path("book").rglob("*") if path.suffix not in (".ipynb", "")),
        "helpers/pipeline/site.py",
        imports_of("helpers/pipeline/site.py"),
    output:
        update(str(RUN.html / "index.html")),
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        trainings=[trainings.key(SETTINGS, DATASET, *pair) for pair in TRAINED],
        settings=TOLD,
    shell:
        JOB + "render"


rule chapter:
    input:
        source="book/{chapter}.ipynb",
        helpers=lambda wildcards: imports_of(f"book/{wildcards.chapter}.ipynb"),
        artifacts=lambda wildcards: read_by(wildcards.chapter),
        ledger=lambda wildcards: ledger_of(wildcards.chapter),
    output:
        update(f"{FOLDER}/notebooks/{{chapter}}.ipynb"),
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        beside=lambda wildcards: read_beside(wildcards.chapter),
        settings=TOLD,
    shell:
        JOB + "chapter {wildcards.chapter}"


rule claims:
    input:
        trained(TRAINED),
        READABLE["metrics"],
        READABLE["explanations"],
    output:
        update(str(RUN.claims)),
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        key=made_of_trainings("helpers/ledger/verdicts.py", file_digest(Path("book/claims.yaml"))),
    shell:
        JOB + "claims"


rule explanations:
    input:
        trained(TRAINED),
        trained_controls(),
    output:
        update(str(RUN.explanations)),
        update(str(RUN.heatmaps)),
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        key=results.trial_key(RUN, SETTINGS, DATASET),
    threads: workflow.cores
    shell:
        JOB + "explanations"


rule metrics:
    input:
        trained(TRAINED),
    output:
        update(str(RUN.metrics)),
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        key=made_of_trainings("helpers/evaluation/metrics.py"),
    shell:
        JOB + "metrics"


rule grad_cam:
    input:
        lambda wildcards: trained([(wildcards.model, wildcards.seed)]),
    output:
        update(f"{FOLDER}/artifacts/{{model}}/seed-{{seed}}/grad-cam.npz"),
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        key=made_of_trainings("helpers/heatmaps/methods.py"),
    threads: workflow.cores
    shell:
        JOB + "grad-cam {wildcards.model} {wildcards.seed}"


rule control:
    input:
        lambda wildcards: trained([(wildcards.model, SETTINGS.first_seed)]),
    output:
        touch(f"{FOLDER}/controls/{{model}}.trained"),
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        key=controls.keys(RUN, SETTINGS, DATASET),
    threads: workflow.cores
    shell:
        JOB + "control {wildcards.model}"


rule train:
    output:
        [update(f"{FOLDER}/artifacts/{{model}}/seed-{{seed}}/{name}") for name in TRAINING],
    params:
        folder=FOLDER,
        parameters=json.dumps(PARAMETERS),
        key=lambda wildcards: trainings.key(
            SETTINGS, DATASET, wildcards.model, int(wildcards.seed)
        ),
    threads: workflow.cores
    shell:
        JOB + "train {wildcards.model} {wildcards.seed}"
