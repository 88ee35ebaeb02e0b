"""The model card's figures are those of the run's own metrics."""

from helpers.evaluation.measures import Measure
from helpers.pages import model_card as page
from helpers.pages.study import Described
from helpers.study.runs import Run, write_json
from helpers.study.settings import load_settings


def fill(run: Run, *accuracies: float) -> None:
    by_seed = {}
    for seed, accuracy in enumerate(accuracies):
        values = {"accuracy": accuracy, "macro_f1": 0.5, "auc/macro": 0.9}
        by_seed[str(seed)] = {n: Measure(v, None, None, 9).as_json() for n, v in values.items()}
        facts = {"parameters": {"total": 849_508}}
        write_json(run.training("custom-cnn", seed) / "provenance.json", facts)
    write_json(run.metrics, {"custom-cnn": by_seed})


def test_a_model_has_a_row_with_its_seeds_mean_and_range(images, tmp_path):
    run = Run(tmp_path)
    fill(run, 0.7, 0.8)
    told = page.table(Described(load_settings("paper"), images(), run, {}))
    assert told.startswith("**This run, on a-file.**\n\n| Model | Weights | accuracy |")
    assert "| The custom CNN | 849,508 | 75.0 % (70.0 to 80.0 %) | 50.0 % (50.0 to 50.0 %)" in told
    assert told.endswith("| 0.900 (0.900 to 0.900) |")


def test_one_seed_has_no_range(images, tmp_path):
    run = Run(tmp_path)
    fill(run, 0.7)
    told = page.tables(Described(load_settings("paper"), images(), run, {}))
    assert "| 849,508 | 70.0 % | 50.0 % | 0.900 |" in told
