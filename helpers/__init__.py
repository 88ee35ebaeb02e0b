"""What the chapters share: eight wings on the data's way, each importing only from those before it.

`study` says what there is, `data` brings the images, `models` trains, `evaluation` computes
numbers, `heatmaps` draws and judges maps, `ledger` judges the report's claims, `pages` has the
words and figures of each chapter, and `pipeline` is what make calls.
"""

from helpers.study import environment

environment.set_own()
