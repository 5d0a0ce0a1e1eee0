"""The combinatorial data sets by name: training sets of 6, 30 and 60 templates, and what judges them (arXiv 2411.02385, section 4).

`phyre_six_in_template` shows the scenes of `phyre_six` with trials that it never saw; `phyre_out_of_template` is one trial of each scene of
the ten reserved templates.
"""

from physscale.simulate.phyre.scenario import Phyre, in_template, out_of_template
from physscale.simulate.phyre.templates import COVERAGES

TRAINED = {name: Phyre(templates=COVERAGES[name]) for name in ("six", "thirty", "sixty")}

PHYRE_SETS: dict[str, Phyre] = {
    "phyre": TRAINED["six"],
    **{f"phyre_{name}": scenario for name, scenario in TRAINED.items()},
    **{f"phyre_{name}_in_template": in_template(scenario) for name, scenario in TRAINED.items()},
    "phyre_out_of_template": out_of_template(TRAINED["sixty"]),
}
