"""Imports every file of laws, in the order in which `laws` prints them."""

from importlib import import_module

for _file in ("power", "coupled", "repeat", "broken", "bounded", "ratio", "isotonic"):
    import_module(f"analysis.laws.{_file}")
