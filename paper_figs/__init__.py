"""The paper's figures and the report, drawn only from stored results.

| file         | what                                                                                     |
|--------------|------------------------------------------------------------------------------------------|
| results.py   | a figure's numbers on disk: computed once, stored whole with their settings              |
| style.py     | the project's look; every figure as vector PDF and as PNG                                |
| basins.py    | (i) quadrants and basins of IMP and LRR with flow lines (T2a, T4, T5)                    |
| success.py   | (ii) success probability against d, closed form and Monte Carlo (T5)                     |
| phases.py    | (iii) phase diagram over (a0, w_1) of IMP, WR(t), LRR, simulation beside theory (T4–T6)  |
| networks.py  | (iv) networks: accuracy against weights left, both sign-flip metrics                     |
| agreement.py | the table of trial-by-trial agreement (T2b, T5)                                          |
| presets.py   | the settings of each figure, by size                                                     |
| escape.py    | the table of sign-escape times (T6)                                                      |
| tables.py    | the rows of the report's tables                                                          |
| page.py, report.py | one self-contained HTML page                                                       |
| cli.py       | ``signescape figures`` and ``signescape report``                                         |
"""

from theory.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {"results": "stored load_result", "report": "write_report", "presets": "FIGURES PRESETS make_results"},
)
