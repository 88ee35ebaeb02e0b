"""`make pack`: a crate that validators accept, the same bytes each time, and nothing private."""

import json
import shutil
import zipfile
from pathlib import Path

import mlcroissant
import pytest
import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

from helpers.pipeline import address, crate, croissant, pack
from helpers.study import data_sets
from helpers.study.errors import InputError
from helpers.study.provenance import file_digest
from helpers.study.runs import read_json, remember, write_json
from helpers.study.settings import REPOSITORY


@pytest.fixture
def packed(made_up, tmp_path) -> Path:
    out = tmp_path / "elsewhere" / "made-up.zip"
    pack.pack(made_up, out)
    return out


def metadata(path: Path) -> dict[str, dict]:
    """What a crate says of each of its entities."""
    with zipfile.ZipFile(path) as archive:
        graph = json.loads(archive.read(crate.METADATA))["@graph"]
    return {entity["@id"]: entity for entity in graph}


class Context:
    """The answer to who asks for RO-Crate's context, without a network.

    The library holds that of version 1.3, in which bioschemas.org has other addresses.
    """

    status_code = 200
    headers = {"Content-Type": "application/ld+json"}  # noqa: RUF012
    path = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
    text = path.read_text(encoding="utf-8").replace("bioschemas.org/terms/", "bioschemas.org/")

    def json(self) -> dict:
        return json.loads(self.text)


def test_it_conforms_to_the_profiles_that_it_names(packed, tmp_path, monkeypatch):
    asked = []

    def get(self, url: str, **options) -> Context:
        asked.append(url)
        return Context()

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    settings = models.ValidationSettings(
        rocrate_uri=str(packed),
        profile_identifier="workflow-run-crate",  # and those that it is a kind of, RO-Crate itself
        offline=True,
        cache_path=tmp_path / "cache",
        requirement_severity=models.Severity.REQUIRED,
    )
    result = services.validate(settings)
    assert [issue.message for issue in result.get_issues()] == []
    assert set(asked) == {"https://w3id.org/ro/crate/1.1/context"}


def test_packing_twice_gives_the_same_bytes(made_up, packed, tmp_path):
    again = tmp_path / "again.zip"
    pack.pack(made_up, again)
    assert again.read_bytes() == packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_file_is_listed_with_its_hash(packed, tmp_path):
    told = {place: entity for place, entity in metadata(packed).items() if "sha256" in entity}
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "all")
        assert set(archive.namelist()) == {crate.METADATA, *told}
    for place, entity in told.items():
        path = tmp_path / "all" / place
        assert (entity["sha256"], int(entity["contentSize"])) == (
            file_digest(path),
            path.stat().st_size,
        )
    assert {
        "artifacts/custom-cnn/seed-0/predictions.npz",
        "artifacts/resnet50/seed-0/model.keras",
        "artifacts/resnet50/seed-0/history.csv",
        "artifacts/metrics.json",
        "artifacts/claims.json",
        "artifacts/explanations.json",
        "artifacts/run.json",
        "heatmaps.npz",
        "notebooks/04-metrics.ipynb",
        "requirements.txt",
        "README.md",
        "croissant.json",
        ".zenodo.json",
        "LICENSE",
    } <= set(told)


def test_no_folder_and_nothing_of_another_run_goes_in(made_up, tmp_path):
    stale = made_up.training("resnet50", 7)
    stale.mkdir()
    (stale / "predictions.npz").write_text("of another run")
    (made_up.artifacts / ".123-metrics.json").write_text("half")
    out = tmp_path / "made-up.zip"
    pack.pack(made_up, out)
    with zipfile.ZipFile(out) as archive:
        for name in archive.namelist():
            assert "seed-7" not in name
            assert "/." not in name
            content = archive.read(name)
            for folder in (REPOSITORY, Path.home(), made_up.folder):
                assert f"{folder}/".encode() not in content, name


def test_the_readme_tells_figures_and_how_to_render_and_verify(made_up):
    told = crate.readme(made_up)
    for words in (
        "not a medical device",
        "| custom-cnn | 0 | 50.0 % | 40.0 to 60.0 % |",
        "make book FROM=made-up.zip",
        "make verify RUN=made-up",
        "draws anew from phantom_seed=0",
    ):
        assert words in told


def test_zenodos_fields_are_the_citations(made_up):
    fields, cited = crate.zenodo(made_up), crate.citation()
    assert [creator["name"] for creator in fields["creators"]] == [
        author["name"] for author in cited["authors"]
    ]
    assert fields["license"] == "cc-by-4.0"
    assert fields["related_identifiers"][0]["identifier"] == cited["repository-code"]


FACTS = {"data": "phantom", "data_set": "octmnist", "shape": [28, 28, 1]} | {
    "data_fingerprint": "f" * 64,
    "settings": {"phantom_seed": 0, "phantom_images": [9, 8, 7]},
}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"is_phantom": True, "is_official": False}, "phantom_seed=0"),
        ({"is_phantom": False, "is_official": False, "data": "my $1 file"}, "not distributed"),
        ({"is_phantom": False, "is_official": True, "data": "OCTMNIST"}, "as MedMNIST publishes"),
    ],
)
def test_croissant_describes_the_images_and_holds_none(kind, words):
    told = json.loads(json.dumps(croissant.describe(FACTS | kind, address.current(), "0.1.0")))
    described = mlcroissant.Dataset(jsonld=told).metadata
    assert not described.ctx.issues.errors
    assert words in told["description"]
    assert "f" * 64 in told["description"]
    files = told.get("distribution", [])
    official = data_sets.get("octmnist")
    expected = [(official.address[28], official.md5[28])] if kind["is_official"] else []
    assert [(file["contentUrl"], file["md5"]) for file in files] == expected


def test_an_unfinished_run_is_refused(made_up, tmp_path):
    out = tmp_path / "out.zip"
    shutil.rmtree(made_up.html)
    with pytest.raises(InputError, match="site isn't rendered"):
        pack.pack(made_up, out)
    (made_up.notebooks / "04-metrics.ipynb").unlink()
    with pytest.raises(InputError, match=r"04-metrics\.ipynb: missing or damaged"):
        pack.pack(made_up, out)
    made_up.claims.unlink()
    with pytest.raises(InputError, match=r"claims\.json: .*no whole run"):
        pack.pack(made_up, out)
    assert not out.exists()


def test_a_run_whose_last_call_did_not_end_is_refused(made_up, tmp_path):
    out = tmp_path / "out.zip"
    write_json(made_up.metrics, read_json(made_up.metrics) | {"more": {}})
    with pytest.raises(InputError, match=r"metrics\.json: missing or damaged"):
        pack.pack(made_up, out)
    remember(made_up.metrics, "key")
    with pytest.raises(InputError, match=r"(metrics|keys)\.json: is newer than the site"):
        pack.pack(made_up, out)
    assert not out.exists()


def test_what_names_a_folder_of_this_machine_is_refused(made_up, tmp_path):
    notebook = made_up.notebooks / "01-data.ipynb"
    notebook.write_text(notebook.read_text().replace("# ", f"# {REPOSITORY}/my.npz ", 1))
    page = made_up.html / "index.html"
    page.unlink()
    page.write_text("rendered again")
    with pytest.raises(InputError, match=r"01-data\.ipynb: names a folder of this machine"):
        pack.pack(made_up, tmp_path / "out.zip")


def test_only_an_earlier_crate_is_written_over(made_up, packed, tmp_path):
    pack.pack(made_up, packed)
    mine = tmp_path / "thesis.zip"
    mine.write_text("mine")
    for occupied in (mine, tmp_path):
        with pytest.raises(InputError, match="something else of that name"):
            pack.pack(made_up, occupied)
    assert mine.read_text() == "mine"
