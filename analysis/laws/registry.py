"""Every law by name. A new law is one file that registers it: imported in `built_in.py`, or a
plug-in (docs/extend/my_law.md)."""

from analysis.laws.curve import Curve
from analysis.laws.law import Law
from physscale.records.registry import Registry

LAWS: Registry[Law] = Registry(
    "law", name_of=lambda law: law.name, built_in="analysis.laws.built_in"
)
"""Laws with a formula."""

CURVES: Registry[Curve] = Registry(
    "curve", name_of=lambda curve: curve.name, built_in="analysis.laws.built_in"
)
"""Shapes without a formula, which only `fit` accepts."""


def register(*laws: Law) -> None:
    """Add laws."""
    for law in laws:
        LAWS.register(law)


def law_named(name: str) -> Law:
    """One law.

    Raises:
        UserError: for an unknown name; it lists the laws.
    """
    return LAWS.named(name)
