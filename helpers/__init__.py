"""What the chapters share, in the order of the data's way.

settings -> runs -> phantom -> data -> duplicates -> artifacts -> models -> training -> bootstrap ->
evaluation -> comparison, calibration, triage, shift, acquisition, failures, selective -> explain ->
localization, faithfulness, similarity, randomization -> arithmetic -> claims -> sentences ->
findings -> figures, evaluation_figures. Beside them stand `book` (make book), `steps` (one job of
the Snakefile), `site` and `address`.
"""
