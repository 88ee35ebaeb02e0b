"""The words, tables and figures of each page: one module a chapter, and what they share.

- `words`: how names, numbers and lists are written; `style`: how pictures and tables are shown.
- `opening`: how a chapter begins; `study`: the run that it tells of, and the recorded one beside;
  `origin`: the box and the table that say what a page was made from.
- `comparisons`: models and splits compared, in what several chapters show each.
- `source`: code worth reading, on the page, with a link to where it stands.
- `data`, `training`, `metrics`, `grad_cam`, `discussion`, `ledger`, `trust`, `statistics`,
  `heatmap_trial`, `acquisition_shift`, `patients`, `cost`, `model_card`: a page each; `training`
  serves every chapter that trains a model.
- `published`: what is published of an executed chapter, which names no folder of a machine.
- `steadiness`: how much hangs on the epoch that is kept, in chapters that train.
- `first_page`: what the first page says of its run.
"""

__all__ = [
    "acquisition_shift",
    "comparisons",
    "cost",
    "data",
    "discussion",
    "first_page",
    "grad_cam",
    "heatmap_trial",
    "ledger",
    "metrics",
    "model_card",
    "opening",
    "origin",
    "patients",
    "published",
    "source",
    "statistics",
    "steadiness",
    "study",
    "style",
    "training",
    "trust",
    "words",
]
