"""YAML as other tools of this field write it: lists of numbers on one line, keys in the order given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail.costmodel.external import ExternalFault

EXTRA = "pip install 'dovetail-dse[interop]'"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A dictionary with a tag: `!Memory` and its keys."""

    tag: str
    tree: dict[str, Any]


def yaml_text(tree: Any) -> str:
    """A tree of dictionaries, lists, strings and numbers as YAML; raises ExternalFault without PyYAML."""
    library = _library()

    # Each list is written out where it is used: not every reader of YAML follows anchors.
    dumper_class: Any = type("Dumper", (library.SafeDumper,), {"ignore_aliases": lambda self, data: True})

    def tagged(dumper: Any, value: Tagged) -> Any:
        return dumper.represent_mapping(value.tag, value.tree, flow_style=None)

    dumper_class.add_representer(Tagged, tagged)
    dumped: str = library.dump(tree, Dumper=dumper_class, sort_keys=False, default_flow_style=None, width=200)
    return dumped


def yaml_tree(text: str) -> Any:
    """What a YAML text says, plain data only; raises ValueError where it is none, ExternalFault without
    PyYAML.
    """
    library = _library()
    try:
        return library.safe_load(text)
    except library.YAMLError as fault:
        raise ValueError(f"not YAML: {' '.join(str(fault).split())}") from fault


def _library() -> Any:
    try:
        import yaml
    except ImportError as fault:
        raise ExternalFault("YAML needs PyYAML, which is not installed", help=(EXTRA,)) from fault
    return yaml
