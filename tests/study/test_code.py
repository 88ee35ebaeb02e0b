"""What a module imports, and a digest that follows what code does and nothing else."""

import json

from helpers.study import code
from helpers.study.settings import REPOSITORY


def test_comments_and_docstrings_do_not_change_what_code_does(tmp_path):
    def digest_of(text: str) -> str:
        (tmp_path / "module.py").write_text(text)
        return code.code_digest(tmp_path / "module.py")

    plain = digest_of("def f():\n    'One.'\n    return 1\n")
    assert digest_of("def f():\n    'Two.'\n    # why\n    return 1\n") == plain
    assert digest_of("def f():\n    'One.'\n    return 2\n") != plain


def test_imports_are_followed_from_a_notebook_through_modules(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["from helpers.evaluation import metrics"]},
        {"cell_type": "code", "source": ["%pip install x\n", "from helpers.study import runs"]},
    ]
    (tmp_path / "chapter.ipynb").write_text(json.dumps({"cells": cells}))
    names = [path.stem for path in code.imported_by(tmp_path / "chapter.ipynb")]
    of_settings = {"settings", "architectures", "data_sets", "errors", "texts"}
    assert set(names) == of_settings | {"runs", "provenance", "environment"}


def test_a_results_digest_leaves_out_what_a_trainings_key_holds(tmp_path):
    metrics = REPOSITORY / "helpers" / "evaluation" / "metrics.py"
    alone = code.code_digest(metrics)
    measures = REPOSITORY / "helpers" / "evaluation" / "measures.py"
    assert code.result_digest(metrics) not in (alone, code.code_digest(measures))
    assert measures in code.imported_by(metrics)
    trainings = REPOSITORY / "helpers" / "models" / "trainings.py"
    assert code.result_digest(trainings) == code.code_digest(trainings)
