"""Jobs that a cluster does: what they ask for, how they are told of, and a sweep that one makes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers.pipeline import sweep
from helpers.study import runs
from helpers.study.errors import InputError
from helpers.study.settings import REPOSITORY

SMALL = "phantom_images=[64,32,32] epochs=1 upsample_to=32"
# As a cluster that knows nothing of the environment it was called from.
SUBMITS = """#!/bin/sh
cp "$1" {folder}/
env -i PATH="$PATH" HOME="$HOME" sh "$1" >>{folder}/log.txt 2>&1 &
echo $!
"""
FAILS = """#!/bin/sh
touch "$(grep -o "'[^']*jobfailed'" "$1" | tr -d "'")"
echo 77
"""
KUBECTL = """#!/bin/sh
case $1 in
create) cat >{folder}/job.yaml ;;
get) printf %s "$COUNTS" ;;
delete) echo "$@" >{folder}/deleted.txt ;;
esac
"""


@pytest.fixture
def name():
    yield "clustered"
    shutil.rmtree(runs.named("clustered").folder, ignore_errors=True)


def program(path: Path, text: str) -> Path:
    path.write_text(text.replace("{folder}", shlex.quote(str(path.parent))))
    path.chmod(0o755)
    return path


def submitted_by(script: Path) -> str:
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    own = f"--cluster-generic-submit-cmd {shlex.quote(shlex.quote(str(script)))}"
    return f"--executor cluster-generic --jobs 2 {own}"


def test_a_cluster_makes_a_sweep(name, tmp_path, monkeypatch):
    script = program(tmp_path / "submit", SUBMITS)
    monkeypatch.setenv("SNAKEMAKE_ARGUMENTS", submitted_by(script))
    given = {"run": name, "seeds": "0-1", "models": "custom-cnn", "overrides": SMALL}
    table = sweep.sweep("demo", **given)
    assert list(table["seeds"]) == [2]
    assert runs.named(name).metrics.is_file()
    scripts = [path.read_text() for path in tmp_path.glob("snakejob.*")]
    assert sorted(re.findall(r"snakejob\.(\w+)\.", " ".join(map(str, tmp_path.iterdir())))) == [
        *("metrics", "train", "train")
    ]
    for text in scripts:
        assert "PYTHONHASHSEED='0'" in text
    # What is made is not submitted again.
    assert sweep.sweep("demo", **given).equals(table)
    assert len(list(tmp_path.glob("snakejob.*"))) == len(scripts)


def test_a_job_that_failed_elsewhere_is_named(name, tmp_path, monkeypatch):
    script = program(tmp_path / "submit", FAILS)
    monkeypatch.setenv("SNAKEMAKE_ARGUMENTS", submitted_by(script))
    with pytest.raises(InputError, match="train, job 77 of the cluster: failed"):
        sweep.sweep("demo", run=name, seeds="0", models="custom-cnn", overrides=SMALL)


def plan(name: str, arguments: str, settings: str = SMALL) -> str:
    """What make book would have done, by its run's log."""
    planned = subprocess.run(
        [sys.executable, "-m", "helpers.pipeline.book", "--run", name, "--overrides", settings],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        env=os.environ | {"SNAKEMAKE_ARGUMENTS": f"--dry-run --quiet host {arguments}"},
    )
    assert planned.returncode == 0, planned.stderr
    return (runs.named(name).folder / "log.txt").read_text(encoding="utf-8")


def blocks(text: str, begin: str) -> dict[str, str]:
    """By rule, what follows the line that begins it."""
    parts = re.split(begin, text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_rule_says_what_its_jobs_ask_for(name):
    rules = blocks((REPOSITORY / "Snakefile").read_text(), r"^rule (\w+):$")
    # Jobs here have no resources but those that their rule declares.
    planned = plan(name, "", f"{SMALL} seeds=[0,1]")
    jobs = blocks(planned, r"^rule (\w+):$")
    assert set(jobs) == set(rules)
    # The first training on a frozen base keeps its features for the others.
    assert re.search(r"input: .*resnet50/seed-0/predictions.npz, .*train-resnet50-1", planned)
    for rule, text in rules.items():
        assert re.search(r"^    threads: \w+$", text, re.MULTILINE), rule
        for amount in ("mem_mb", "runtime"):
            assert re.search(rf"resources: .*\b{amount}=[1-9]\d*", jobs[rule]), rule


def test_slurm_is_asked_for_the_same(name):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    arguments = "--executor slurm --jobs 20 --set-resources train:gpu=1 train:runtime=77"
    jobs = blocks(plan(name, arguments), r"^rule (\w+):$")
    assert re.search(r"resources: .*\bgpu=1\b", jobs["train"])
    assert re.search(r"resources: .*\bruntime=77\b", jobs["train"])
    assert "gpu=" not in jobs["metrics"]
    assert re.search(r"resources: .*\bmem_mb=2000\b", jobs["metrics"])


def kubernetes(folder: Path, *arguments: str, counts: str = "") -> str:
    """What the script says, and with `kubectl` a program that writes down what it was told."""
    program(folder / "kubectl", KUBECTL)
    variables = {"PATH": f"{folder}:{os.environ['PATH']}", "COUNTS": counts}
    return subprocess.run(
        [REPOSITORY / "helpers" / "pipeline" / "kubernetes.sh", *arguments],
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_kubernetes_is_asked_for_a_pod_with_the_runs(tmp_path):
    told = kubernetes(tmp_path, "submit", "octmnist", "grid", "4", "1551", "60", "/a/job.sh")
    job = yaml.safe_load((tmp_path / "job.yaml").read_text())
    assert job["metadata"]["name"] == told
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] == 3600
    assert "activeDeadlineSeconds" not in job["spec"]  # it would run while the job is queued
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["sh", "/a/job.sh"]
    assert container["resources"]["requests"] == {"cpu": 4, "memory": "1551M"}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        *(str(REPOSITORY / "runs"), str(REPOSITORY / ".snakemake"))
    }
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "grid"}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [("/", "running"), ("1/", "success"), ("/1", "failed"), ("", "running")],
)
def test_kubernetes_is_asked_how_a_job_is(tmp_path, counts, expected):
    assert kubernetes(tmp_path, "status", "octmnist-1", counts=counts) == expected


def test_kubernetes_is_told_to_take_jobs_back(tmp_path):
    kubernetes(tmp_path, "octmnist-1", "octmnist-2")
    assert (tmp_path / "deleted.txt").read_text().split()[-2:] == ["octmnist-1", "octmnist-2"]
