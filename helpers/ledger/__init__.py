"""How each claim of the report is judged, by arithmetic and against a run.

- `rules`: printed figures as intervals, listed layers as networks, and the rules they must obey.
- `claims`: what a claim is, and the ledger `book/claims.yaml`, read and checked as a whole.
- `evidence`: what a run answers, source by source.
- `verdicts`: both verdicts on each claim, as `claims.json` holds them.
"""

__all__ = ["claims", "evidence", "rules", "verdicts"]
