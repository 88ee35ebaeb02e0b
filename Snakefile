"""Which artifact and which page depends on what; `make book` calls this through the pipeline.

By hand, after a first call: snakemake --cores all --configfile runs/demo/call.json. What a result
must be made of (keys of trainings, digests of code, texts and data) is kept as a file under
`runs/<name>/wanted/`, which is written anew only when that changes: a result older than its file is
made again, whatever the times of the files that it read.

What a job asks for is computed in helpers/pipeline/resources.py, and each attempt of --retries asks
for as much again.
"""

import sys
from pathlib import Path

from helpers.data import dataset, scans
from helpers.heatmaps import controls, results
from helpers.models import trainings
from helpers.pipeline import console, contents, processes, surroundings
from helpers.pipeline.resources import THREADS, asked, asked_by_maps, asked_by_training
from helpers.study import architectures, environment, runs
from helpers.study.code import imported_by
from helpers.study.provenance import digest, file_digest
from helpers.study.settings import PROTOCOL, REPOSITORY, differences, load_settings

processes.heed_interruptions()

PARAMETERS = config["parameters"]
SETTINGS = load_settings(**PARAMETERS)
DATASET = dataset.load(SETTINGS.data)
RUN = runs.named(config["run"])
FOLDER = RUN.shown
PYTHON = sys.executable
JOB = "{PYTHON:q} -m helpers.pipeline.jobs --folder {FOLDER} "
# One that has cores for itself, while others have theirs.
LARGE_JOB = " ".join([*(f"{name}={{threads}}" for name in environment.CORES), JOB])
TRAINING = ("predictions.npz", "history.csv", "model.keras", "provenance.json")
# What every page tells of the settings, which a profile may change without the caller's parameters.
TOLD = [PARAMETERS, SETTINGS.flat(), differences(SETTINGS, load_settings(PROTOCOL))]
TRAINED = [(model, seed) for model in SETTINGS.models for seed in SETTINGS.seeds]
CHAPTERS = contents.chapters()
BESIDE = scans.companions(DATASET)


def trained(pairs, name="predictions.npz"):
    return [str(Path(FOLDER, "artifacts", model, f"seed-{seed}", name)) for model, seed in pairs]


def trained_controls():
    on_trial = () if controls.why_no_truth(DATASET) else controls.models_on_trial(SETTINGS)
    return [f"{FOLDER}/controls/{model}.trained" for model in on_trial]


# What a chapter's metadata may name, and the files that it then reads.
READABLE = {
    "trainings": trained(TRAINED),
    "metrics": [f"{FOLDER}/artifacts/metrics.json"],
    "grad_cam": trained(TRAINED, "grad-cam.npz"),
    "explanations": [f"{FOLDER}/artifacts/explanations.json"],
    "claims": [f"{FOLDER}/artifacts/claims.json"],
    "acquisition": [f"{FOLDER}/artifacts/acquisition.json"],
    "patients": [f"{FOLDER}/artifacts/patients.json"],
}


def read_by(chapter):
    named = contents.reads(chapter)
    own = [pair for pair in TRAINED if architectures.get(pair[0]).chapter == chapter]
    return sum((READABLE[name] for name in named), trained(own))


def contents_of(paths):
    """The digests of files, each with its name."""
    return [(path.name, file_digest(path)) for path in map(Path, paths)]


def read_beside(chapter):
    """What a chapter reads besides artifacts: its source, its modules, the images and the ledger."""
    source = Path("book", f"{chapter}.ipynb")
    modules = imported_by(source)
    read = {module.stem for module in modules}
    beside = BESIDE if "scans" in read else []
    ledger = [REPOSITORY / "book" / "claims.yaml"] if "claims" in read else []
    files = [source, *modules, *beside, *ledger, *contents.measured(chapter).values()]
    return [DATASET.fingerprint, contents_of(files), TOLD]


def wanted(name, *content):
    """The file that keeps what a result must be made of."""
    path = RUN.wanted / f"{name}.json"
    runs.write_json(path, digest(content))
    return str(path.relative_to(REPOSITORY))


def made_of_trainings(module, *more):
    return trainings.result_key(SETTINGS, DATASET, REPOSITORY / module, *more)


def asks(amounts):
    """Resources of a job, `amounts` of its wildcards, as much again for each attempt."""
    return {
        name: lambda wildcards, attempt, name=name: amounts(wildcards)[name] * attempt
        for name in ("mem_mb", "runtime")
    }


def features_before(wildcards):
    """The training that keeps a frozen base's features, which those with other seeds then share."""
    first = (wildcards.model, SETTINGS.first_seed)
    is_first = int(wildcards.seed) == SETTINGS.first_seed
    if is_first or not SETTINGS.features_are_fixed(wildcards.model):
        return []
    return ancient(trained([first]))


LITTLE = asks(lambda wildcards: asked(DATASET))
MAPS = asks(lambda wildcards: asked_by_maps(SETTINGS, DATASET))
A_TRAINING = asks(lambda wildcards: asked_by_training(SETTINGS, DATASET, wildcards.model))
KEYS = {pair: trainings.key(SETTINGS, DATASET, *pair) for pair in TRAINED}


envvars:
    *surroundings.handed_on(),


wildcard_constraints:
    model="|".join(architectures.names()),
    seed=r"\d+",


onstart:
    for job in workflow.dag.needrun_jobs():
        console.say_plan(job.shellcmd.rpartition(f" --folder {FOLDER} ")[2])


# An output marked update stays in place until its job replaces it whole.
rule site:
    input:
        [f"{FOLDER}/notebooks/{chapter}.ipynb" for chapter in CHAPTERS],
        READABLE["metrics"],
        READABLE["explanations"],
        READABLE["claims"],
        READABLE["acquisition"],
        READABLE["patients"],
        READABLE["grad_cam"],
        wanted(
            "site",
            CHAPTERS,
            contents_of([*contents.sources(), *imported_by(Path("helpers/pipeline/site.py"))]),
            [[*pair, key] for pair, key in KEYS.items()],
            TOLD,
        ),
    output:
        update(f"{FOLDER}/html/index.html"),
    threads: 1
    resources:
        **LITTLE,
    shell:
        JOB + "render"


rule chapter:
    input:
        lambda wildcards: read_by(wildcards.chapter),
        lambda wildcards: wanted(wildcards.chapter, read_beside(wildcards.chapter)),
    output:
        update(f"{FOLDER}/notebooks/{{chapter}}.ipynb"),
    threads: 1
    resources:
        **MAPS,
    shell:
        JOB + "chapter {wildcards.chapter}"


rule claims:
    input:
        trained(TRAINED),
        READABLE["metrics"],
        READABLE["explanations"],
        wanted(
            "claims",
            made_of_trainings("helpers/ledger/verdicts.py", file_digest(Path("book/claims.yaml"))),
        ),
    output:
        update(f"{FOLDER}/artifacts/claims.json"),
    threads: 1
    resources:
        **LITTLE,
    shell:
        JOB + "claims"


rule acquisition:
    input:
        trained(TRAINED),
        wanted(
            "acquisition",
            made_of_trainings("helpers/evaluation/acquisition.py", contents_of(BESIDE)),
        ),
    output:
        update(f"{FOLDER}/artifacts/acquisition.json"),
    threads: 1
    resources:
        **MAPS,
    shell:
        JOB + "acquisition"


rule patients:
    input:
        trained(TRAINED),
        wanted(
            "patients",
            made_of_trainings("helpers/evaluation/patients.py", contents_of(BESIDE)),
        ),
    output:
        update(f"{FOLDER}/artifacts/patients.json"),
    threads: THREADS
    resources:
        **MAPS,
    shell:
        LARGE_JOB + "patients"


rule explanations:
    input:
        trained(TRAINED),
        trained_controls(),
        wanted("explanations", results.trial_key(RUN, SETTINGS, DATASET)),
    output:
        update(f"{FOLDER}/artifacts/explanations.json"),
        update(f"{FOLDER}/heatmaps.npz"),
    threads: THREADS
    resources:
        **MAPS,
    shell:
        LARGE_JOB + "explanations"


rule metrics:
    input:
        trained(TRAINED),
        wanted(
            "metrics",
            made_of_trainings("helpers/evaluation/metrics.py"),
            contents_of(scans.companions(DATASET)),
        ),
    output:
        update(f"{FOLDER}/artifacts/metrics.json"),
    threads: 1
    resources:
        **LITTLE,
    shell:
        JOB + "metrics"


rule grad_cam:
    input:
        lambda wildcards: trained([(wildcards.model, wildcards.seed)]),
        wanted("grad-cam", made_of_trainings("helpers/heatmaps/methods.py")),
    output:
        update(f"{FOLDER}/artifacts/{{model}}/seed-{{seed}}/grad-cam.npz"),
    threads: THREADS
    resources:
        **MAPS,
    shell:
        LARGE_JOB + "grad-cam {wildcards.model} {wildcards.seed}"


rule control:
    input:
        lambda wildcards: trained([(wildcards.model, SETTINGS.first_seed)]),
        wanted("controls", controls.keys(RUN, SETTINGS, DATASET)),
    output:
        touch(f"{FOLDER}/controls/{{model}}.trained"),
    threads: THREADS
    resources:
        **A_TRAINING,
    shell:
        LARGE_JOB + "control {wildcards.model}"


rule train:
    input:
        features_before,
        lambda wildcards: wanted(
            f"train-{wildcards.model}-{wildcards.seed}", KEYS[wildcards.model, int(wildcards.seed)]
        ),
    output:
        [update(f"{FOLDER}/artifacts/{{model}}/seed-{{seed}}/{name}") for name in TRAINING],
    threads: THREADS
    resources:
        **A_TRAINING,
    shell:
        LARGE_JOB + "train {wildcards.model} {wildcards.seed}"
