"""Which artifact and which page depends on what; `make book` calls this through helpers.book.

By hand: snakemake --cores all --config parameters='{profile: demo}'. Trainings depend on their key
(`artifacts.key`) alone, chapters on their notebook, the helpers they import and the artifacts.
"""

import json
import sys
from pathlib import Path

from helpers import artifacts, controls, runs
from helpers.settings import REPOSITORY, load_settings

PARAMETERS = config.get("parameters", {"profile": "demo"})
SETTINGS = load_settings(**PARAMETERS)
RUN = config.get("run", SETTINGS.profile)
FOLDER = f"runs/{RUN}"
CHAPTERS = sorted(path.stem for path in Path("book").glob("*.ipynb"))
STEP = (
    f"{runs.RUN_VARIABLE}={RUN} {sys.executable} -m helpers.steps "
    f"--parameters {{params.parameters:q}}"
)
TRAINING = ("predictions.npz", "history.csv", "model.keras", "provenance.json")


def trained(models):
    return expand(
        f"{FOLDER}/artifacts/{{model}}/seed-{{seed}}/predictions.npz",
        model=models,
        seed=SETTINGS.seeds,
    )


def controls_of(models):
    return expand(
        f"{FOLDER}/{controls.FOLDER}/shuffled/artifacts/{{model}}/seed-{{seed}}/predictions.npz",
        model=models,
        seed=controls.on_phantom(SETTINGS).seeds[0],
    )


def needed_by(chapter):
    if chapter == "01-data":
        return []
    if chapter == "05-grad-cam":
        return trained(SETTINGS.models) + controls_of(controls.models_on_trial(SETTINGS))
    if chapter == "06-discussion":  # the ledger quotes what chapter 5 measured
        return trained(SETTINGS.models) + [f"{FOLDER}/notebooks/05-grad-cam.ipynb"]
    own = [model for model in SETTINGS.models if artifacts.CHAPTERS[model] == chapter]
    return trained(own or SETTINGS.models)


def helpers_of(path):
    return [str(module.relative_to(REPOSITORY)) for module in runs.helpers_used(Path(path))]


wildcard_constraints:
    model="|".join(artifacts.CHAPTERS),
    seed=r"\d+",


# An output marked update stays in place until its job replaces it whole.
rule site:
    input:
        expand(f"{FOLDER}/notebooks/{{chapter}}.ipynb", chapter=CHAPTERS),
        f"{FOLDER}/artifacts/metrics.json",
        "_config.yml",
        "_toc.yml",
        sorted(str(path) for path in Path("book").rglob("*") if path.suffix not in (".ipynb", "")),
        "helpers/site.py",
    output:
        update(f"{FOLDER}/html/index.html"),
    params:
        parameters=json.dumps(PARAMETERS),
    shell:
        STEP + " render"


rule chapter:
    input:
        source="book/{chapter}.ipynb",
        helpers=lambda wildcards: helpers_of(f"book/{wildcards.chapter}.ipynb"),
        artifacts=lambda wildcards: needed_by(wildcards.chapter),
        ledger="book/claims.yaml",
    output:
        update(f"{FOLDER}/notebooks/{{chapter}}.ipynb"),
    params:
        parameters=json.dumps(PARAMETERS),
    shell:
        STEP + " chapter {wildcards.chapter}"


rule metrics:
    input:
        trained(SETTINGS.models),
    output:
        update(f"{FOLDER}/artifacts/metrics.json"),
    params:
        parameters=json.dumps(PARAMETERS),
        code=runs.code_digest(Path("helpers/bootstrap.py"), Path("helpers/evaluation.py")),
    shell:
        STEP + " metrics"


rule control:
    input:
        lambda wildcards: trained([wildcards.model]) if SETTINGS.source == "phantom" else [],
    output:
        update(
            f"{FOLDER}/{controls.FOLDER}/shuffled/artifacts/{{model}}/seed-{{seed}}/predictions.npz"
        ),
    params:
        parameters=json.dumps(PARAMETERS),
        key=lambda wildcards: artifacts.key(
            controls.on_shuffled_labels(SETTINGS), wildcards.model, int(wildcards.seed)
        ),
        code=runs.code_digest(Path("helpers/controls.py")),
    threads: workflow.cores
    shell:
        STEP + " control {wildcards.model}"


rule train:
    output:
        [update(f"{FOLDER}/artifacts/{{model}}/seed-{{seed}}/{name}") for name in TRAINING],
    params:
        parameters=json.dumps(PARAMETERS),
        key=lambda wildcards: artifacts.key(SETTINGS, wildcards.model, int(wildcards.seed)),
    threads: workflow.cores
    shell:
        STEP + " train {wildcards.model} {wildcards.seed}"
