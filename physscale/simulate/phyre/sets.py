"""The combinatorial data sets by name: training sets of 6, 30 and 60 templates, and their test
sets (arXiv 2411.02385, section 4).

`phyre_six_in_template` shows the scenes of `phyre_six` with trials that it never saw;
`phyre_out_of_template` is one trial of each scene of the ten reserved templates.
`phyre_ambiguous_…` are falls whose end no frame of 256 px can tell."""

from physscale.simulate.phyre.ambiguity import PhyreAmbiguity
from physscale.simulate.phyre.scenario import Phyre, in_template, out_of_template
from physscale.simulate.phyre.templates import COVERAGES

TRAINED = {name: Phyre(templates=COVERAGES[name]) for name in ("six", "thirty", "sixty")}

PHYRE_SETS: dict[str, Phyre] = {
    "phyre": TRAINED["six"],
    **{f"phyre_{name}": scenario for name, scenario in TRAINED.items()},
    **{f"phyre_{name}_in_template": in_template(scenario) for name, scenario in TRAINED.items()},
    "phyre_out_of_template": out_of_template(TRAINED["sixty"]),
    "phyre_ambiguous_radius": PhyreAmbiguity(templates=(20000,)),
    "phyre_ambiguous_place": PhyreAmbiguity(templates=(20001,)),
    "phyre_ambiguous_gap": PhyreAmbiguity(templates=(20002,)),
    "phyre_ambiguous_offset": PhyreAmbiguity(templates=(20003,)),
}
