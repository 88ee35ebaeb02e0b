"""Bad input by the thousand: accepted, or refused in one line, soon, and nothing is written.

`KINDS` says what is tried: by name a strategy of what a user may give, and what takes it. A few of
each are tried always, and many by `make torture`, which prints a row a kind.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
import yaml
from conftest import draw_arrays
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.data import dataset as datasets
from helpers.data import files, folders, scans
from helpers.evaluation import metrics
from helpers.heatmaps import artifacts, rows
from helpers.ledger import claims, rules
from helpers.models import trainings, weights
from helpers.pipeline import damage
from helpers.study import architectures, data_sets
from helpers.study import settings as settings_module
from helpers.study.errors import InputError
from helpers.study.runs import Run, is_current, remember, write_json

FEW, MANY = 16, 2_400  # examples of a kind; of all kinds together
DEADLINE_SECONDS = 20
OCT = data_sets.get("octmnist")
BASE = replace(architectures.RESNET50.base, parameters=112)  # those of `with_weights`


class Kind(NamedTuple):
    """What is tried: `given` draws it, `prepare` makes a folder ready, `take` is called with both.

    `take` returns whether the input was accepted, where it says so by no InputError.
    """

    given: st.SearchStrategy[Any]
    prepare: Callable[[Path], Any]
    take: Callable[[Any, Any], bool | None]


# Words that software stumbles over, wherever a value is asked for.
HARD = st.sampled_from(
    [
        *("", " ", "0", "-1", "010", "1e400", "nan", "-inf", "9" * 5000, "1.5", "0x10", "٣", "½"),
        *("on", "off", "yes", "no", "true", "None", "null", "~", "~nosuchuser", "/", "..", "a/b"),
        *("[" * 1000, "]" * 1000, "[1,2", "{a: b}", "'", '"', "\\", "`x`", "$(x)", "${x}", "%s"),
        *(
            "\0",
            "\n",
            "\r\n",
            "\udcff",
            "\x1b[2J",
            "é网",
            "\N{RIGHT-TO-LEFT OVERRIDE}x",
            "x" * 5000,
        ),
        *("--help", "=", "a=b", "*", "&a", "!!python/object:os.system", "<script>", "{{ x }}"),
    ]
)
WORD = HARD | st.text(max_size=20)
SCALAR = WORD | st.integers() | st.floats() | st.booleans() | st.none() | st.binary(max_size=4)
VALUE = SCALAR | st.lists(SCALAR | st.lists(SCALAR, max_size=2), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
NAME = st.sampled_from(settings_module.names()) | WORD


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A way to spoil a file: bits flipped, parts cut out, overwritten or doubled, all replaced."""
    how = draw(st.sampled_from(["flip", "flip", "cut", "shorten", "write", "double", "replace"]))
    places = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=6))
    words = draw(st.binary(min_size=1, max_size=32))

    def spoil(content: bytes) -> bytes:
        first, last = sorted(int(place * len(content)) for place in places[:2])
        if how == "flip":
            spoilt = bytearray(content)
            for place in places:
                spoilt[int(place * len(content))] ^= 1 << (words[0] % 8)
            return bytes(spoilt)
        return {
            "cut": content[:first] + content[last:],
            "shorten": content[:last],
            "write": content[:first] + words + content[first + len(words) :],
            "double": content[:last] + content[first:],
            "replace": words,
        }[how]

    return spoil


def _as_given(folder: Path) -> Path:
    return folder


# Settings: a profile's name, parameters as papermill hands them on, and SET.
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.sampled_from(settings_module.profile_names()) | WORD,
        "overrides": st.lists(
            st.tuples(NAME, st.just("=") | WORD, WORD).map("".join), max_size=3
        ).map(" ".join)
        | WORD,
        **{name: VALUE for name in settings_module.names()},
    },
)


def load_settings(_: Path, given: dict[str, Any]) -> None:
    settings_module.load_settings(**given)


PROFILE = st.dictionaries(NAME | st.just(settings_module.BASED_ON), VALUE, max_size=4).map(
    lambda value: yaml.safe_dump(value, allow_unicode=True).encode(errors="surrogateescape")
) | st.tuples(st.just(b"based_on: paper\n"), WORD.map(lambda w: w.encode(errors="ignore"))).map(
    b"".join
)


def with_profiles(folder: Path) -> Path:
    for path in (settings_module.REPOSITORY / "profiles").glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def load_profile(folder: Path, given: bytes) -> None:
    (folder / "mine.yaml").write_bytes(given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings_module, "PROFILES", folder)
        settings_module.load_settings("mine")


# The ledger: its first claims that need no others, with a field changed, or their text spoilt.
CLAIMS = [
    claim
    for claim in yaml.safe_load(claims.LEDGER.read_text(encoding="utf-8"))
    if not any(check.get("of") for check in claim.get("checks", ()))
][:8]
CHECKS = st.lists(
    st.fixed_dictionaries(
        {
            "rule": st.sampled_from(sorted(rules.RULES)),
            "of": st.lists(st.sampled_from([claim["id"] for claim in CLAIMS]), max_size=4),
            "n": st.integers(0, 2**70),
        }
    ),
    max_size=3,
).map(lambda checks: ("checks", checks))
FIELD = st.tuples(st.sampled_from([*claims.Claim.model_fields, "other"]), VALUE | JSON) | CHECKS
LEDGER = st.tuples(st.integers(0, len(CLAIMS) - 1), FIELD)


def load_ledger(folder: Path, given: tuple[int, tuple[str, Any]]) -> None:
    place, (name, value) = given
    entries = [dict(claim) for claim in CLAIMS]
    entries[place][name] = value
    path = folder / "claims.yaml"
    path.write_text(yaml.safe_dump(entries), encoding="utf-8", errors="surrogateescape")
    claims.ledger.__wrapped__(path)


def spoil_ledger(folder: Path, given: Callable[[bytes], bytes]) -> None:
    path = folder / "claims.yaml"
    path.write_bytes(given(yaml.safe_dump(CLAIMS).encode()))
    claims.ledger.__wrapped__(path)


# MedMNIST-format files.
def with_file(save: Callable[..., None]) -> Callable[[Path], tuple[Path, bytes]]:
    def prepare(folder: Path) -> tuple[Path, bytes]:
        save(folder / "my.npz", **draw_arrays("octmnist", each=1))
        return folder / "my.npz", (folder / "my.npz").read_bytes()

    return prepare


def read_file(prepared: tuple[Path, bytes], given: Callable[[bytes], bytes]) -> None:
    path, content = prepared
    path.write_bytes(given(content))
    files.read(path, OCT)


ARRAY = st.tuples(
    st.sampled_from(["train_images", "val_labels", "test_labels"]),
    st.sampled_from(["u1", "i8", ">i4", "u8", "f4", "?", "S3", "U2", "c16", "M8[s]", "u1,f4", "O"]),
    st.lists(st.integers(0, 32), max_size=5),
)


def read_arrays(prepared: tuple[Path, bytes], given: tuple[str, str, list[int]]) -> None:
    path, _ = prepared
    name, dtype, shape = given
    if np.prod(shape) < 2**16:
        np.savez(path, **draw_arrays("octmnist", each=1) | {name: np.zeros(shape, dtype)})
        files.read(path, OCT)


# Weights.
def with_weights(folder: Path) -> tuple[Path, bytes]:
    path = folder / "my.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["conv1_conv"]
        file["conv1_conv/conv1_conv/kernel:0"] = np.zeros((3, 3, 3, 4), np.float32)
        file["conv1_conv/conv1_conv/bias:0"] = np.zeros(4, np.float32)
    return path, path.read_bytes()


def check_weights(prepared: tuple[Path, bytes], given: Callable[[bytes], bytes]) -> None:
    path, content = prepared
    path.write_bytes(given(content))
    weights.check_file(str(path), BASE)


# Manifests.
def with_manifest(folder: Path) -> tuple[datasets.Dataset, bytes]:
    path, _ = with_file(np.savez)(folder)
    data = settings_module.load_settings("local", data_path=path, weights="random").data
    lines = [",".join(scans.COLUMNS)]
    lines += [f"{split},{index},512" for split in files.SPLITS for index in range(4)]
    return datasets.load(data), "\n".join(lines).encode()


def read_manifest(
    prepared: tuple[datasets.Dataset, bytes], given: Callable[[bytes], bytes]
) -> None:
    dataset, content = prepared
    dataset.path.with_name(scans.MANIFEST).write_bytes(given(content))
    scans.check(dataset)


CELL = WORD | st.sampled_from(["train", "test", "0", "3", "512", "768.0", "1024"])


def cell_of_manifest(prepared: tuple[datasets.Dataset, bytes], given: tuple[int, int, str]) -> None:
    dataset, content = prepared
    line, column, value = given
    table = [row.split(b",") for row in content.split(b"\n")]
    table[line][column] = value.encode(errors="surrogateescape")
    text = b"\n".join(b",".join(row) for row in table)
    dataset.path.with_name(scans.MANIFEST).write_bytes(text)
    scans.check(dataset)


# Images.
def with_image(folder: Path) -> tuple[Path, bytes]:
    path, rng = folder / "a.png", np.random.default_rng(0)
    Image.fromarray(rng.integers(256, size=(40, 50), dtype=np.uint8)).save(path)
    return path, path.read_bytes()


def read_image(prepared: tuple[Path, bytes], given: Callable[[bytes], bytes]) -> None:
    path, content = prepared
    path.write_bytes(given(content))
    folders.read(path, 28, 1)


# What a run has kept: damaged, it is as if it weren't there.
FACTS = {"key": "key", "model": "custom-cnn", "seed": 0, "seconds": 1.5}


def with_artifacts(folder: Path) -> tuple[Run, dict[Path, bytes]]:
    run = Run(folder / "run")
    folder = run.training("custom-cnn", 0)
    folder.mkdir(parents=True)
    probabilities, labels = np.full((4, 4), 0.25, np.float32), np.arange(4)
    np.savez(
        folder / trainings.PREDICTIONS,
        **dict.fromkeys(("val_probabilities", "test_probabilities"), probabilities),
        **dict.fromkeys(("val_labels", "test_labels"), labels),
    )
    (folder / trainings.HISTORY).write_text("epoch,val_accuracy\n1,0.5\n")
    (folder / trainings.MODEL).write_bytes(b"a model")
    write_json(folder / trainings.PROVENANCE, trainings.sealed(FACTS, folder))
    write_json(run.metrics, {"custom-cnn": {"0": {}}})
    write_json(run.claims, [{"id": "a"}])
    artifacts.save_trial(run, artifacts.Trial([], {}), "key")
    for path in (run.metrics, run.claims):
        remember(path, "key")
    paths = [path for path in run.folder.rglob("*") if path.is_file()]
    return run, {path: path.read_bytes() for path in paths}


def look_at_artifacts(
    prepared: tuple[Run, dict[Path, bytes]], given: tuple[int, Callable[[bytes], bytes]]
) -> bool:
    run, contents = prepared
    for path, content in contents.items():
        path.write_bytes(content)
    place, spoil = given
    path = sorted(contents)[place % len(contents)]
    path.write_bytes(spoil(contents[path]))
    is_as_it_was = path.read_bytes() == contents[path]
    folder = run.training("custom-cnn", 0)
    rows.load(run)
    current = [is_current(artifact, "key") for artifact in (run.metrics, run.claims, run.heatmaps)]
    whole = trainings.is_complete(folder)
    if trainings.is_whole(folder, "key"):
        with np.load(folder / trainings.PREDICTIONS) as arrays:
            trainings.Predictions(**arrays)
    if is_current(run.metrics, "key"):
        metrics.from_json(json.loads(run.metrics.read_text()))
    gone = damage.discard(run, settings_module.load_settings("demo", models="custom-cnn"))
    # What is damaged is noticed, and what is not isn't.
    assert bool(gone) != is_as_it_was or path.name == "keys.json"
    assert (all(current) and whole) or not is_as_it_was
    return not gone


KINDS: dict[str, Kind] = {
    "settings": Kind(SETTINGS, _as_given, load_settings),
    "profile": Kind(PROFILE, with_profiles, load_profile),
    "ledger, a field": Kind(LEDGER, _as_given, load_ledger),
    "ledger, spoilt": Kind(mutations(), _as_given, spoil_ledger),
    "npz, spoilt": Kind(mutations(), with_file(np.savez), read_file),
    "npz, compressed, spoilt": Kind(mutations(), with_file(np.savez_compressed), read_file),
    "npz, other arrays": Kind(ARRAY, with_file(np.savez), read_arrays),
    "weights, spoilt": Kind(mutations(), with_weights, check_weights),
    "manifest, spoilt": Kind(mutations(), with_manifest, read_manifest),
    "manifest, a cell": Kind(
        st.tuples(st.integers(0, 12), st.integers(0, 2), CELL), with_manifest, cell_of_manifest
    ),
    "image, spoilt": Kind(mutations(), with_image, read_image),
    "artifacts of a run": Kind(
        st.tuples(st.integers(0, 99), mutations()), with_artifacts, look_at_artifacts
    ),
}


def runs_digest() -> list[tuple[str, int, int]]:
    """Every file under `runs/`, with its size and time."""
    found = []
    for path, _, names in os.walk(settings_module.REPOSITORY / "runs"):
        for name in names:
            told = os.lstat(os.path.join(path, name))  # noqa: PTH118
            found.append((f"{path}/{name}", told.st_size, told.st_mtime_ns))
    return sorted(found)


def try_kind(kind: Kind, folder: Path, examples: int, tally: Counter) -> None:
    """Try so many inputs; tallied are `accepted`, `refused` and the `slowest` in milliseconds."""
    prepared = kind.prepare(folder)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.given)
    def try_one(drawn: Any) -> None:
        started = time.monotonic()
        try:
            accepted = kind.take(prepared, drawn) is not False
        except InputError as error:
            assert str(error).isprintable() and len(str(error)) < 2_000
            accepted = False
        seconds = time.monotonic() - started
        assert seconds < DEADLINE_SECONDS
        tally["accepted" if accepted else "refused"] += 1
        tally["slowest"] = max(tally["slowest"], round(1000 * seconds))

    try_one()


@pytest.mark.parametrize("name", KINDS)
def test_bad_input_is_accepted_or_refused_in_one_line(name, tmp_path):
    before, tally = runs_digest(), Counter()
    try_kind(KINDS[name], tmp_path, FEW, tally)
    assert tally["accepted"] + tally["refused"] >= FEW // 2
    assert runs_digest() == before


@pytest.mark.torture
def test_bad_input_by_the_thousand(tmp_path, capsys):
    before = runs_digest()
    tried = 0
    for name, kind in KINDS.items():
        tally = Counter()
        (folder := tmp_path / name).mkdir()
        try_kind(kind, folder, -(-MANY // len(KINDS)), tally)
        tried += tally["accepted"] + tally["refused"]
        with capsys.disabled():
            told = ", ".join(f"{tally[what]} {what}" for what in ("accepted", "refused"))
            print(f"\n{name:24} {told}, slowest {tally['slowest']} ms", end="")
    assert tried >= 0.9 * MANY
    assert runs_digest() == before
