"""All rules, by operator."""

from __future__ import annotations

from typing import Final

from dovetail.dsl.onnx.lower_pointwise import POINTWISE
from dovetail.dsl.onnx.lower_products import PRODUCTS
from dovetail.dsl.onnx.lower_views import VIEWS
from dovetail.dsl.onnx.lower_windows import WINDOWS
from dovetail.dsl.onnx.lowering import Rule

RULES: Final[dict[str, Rule]] = {**VIEWS, **WINDOWS, **PRODUCTS, **POINTWISE}
"""Operators of ONNX (others with their domain) that have a meaning here."""
