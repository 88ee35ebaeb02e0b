"""What is published names no folder of a machine."""

import nbformat

from helpers.pages import published

GIVEN = {
    "profile": "local",
    "data_path": "/home/jane/eyes/my.npz",
    "weights": "/home/jane/w.h5",
    "overrides": "epochs=1 weights_resnet50='/home/jane/my dir/v.h5'",
    "run": "local",
}


def executed():
    cell = nbformat.v4.new_code_cell("# Parameters\ndata_path = '/home/jane/eyes/my.npz'")
    cell.metadata["tags"] = ["injected-parameters"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1"), cell])
    notebook.metadata["papermill"] = {"parameters": GIVEN, "input_path": "/home/jane/b/1.ipynb"}
    return notebook


def test_parameters_name_files_without_their_folders():
    notebook = published.without_folders(executed())
    assert "jane" not in nbformat.writes(notebook)
    assert notebook.cells[0].source == "x = 1"
    assert notebook.cells[1].source == (
        "# Parameters\nprofile = 'local'\ndata_path = 'my.npz'\nweights = 'w.h5'\n"
        "overrides = 'epochs=1 weights_resnet50=v.h5'\nrun = 'local'"
    )


def test_a_chapter_run_without_papermill_is_as_it_was():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    before = nbformat.writes(notebook)
    assert nbformat.writes(published.without_folders(notebook)) == before
