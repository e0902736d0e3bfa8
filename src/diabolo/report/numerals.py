"""How numbers are written on the page."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """A value as the axes and tables write it: three or four digits, a true minus sign.

    >>> number(1234.5), number(-0.02), number(1e-7), number(float("nan"))
    ('1,234', '−0.02', '1e−7', 'not a number')
    """
    if not math.isfinite(value):
        return "not a number"
    size = abs(value)
    if size >= 1000:
        text = f"{value:,.0f}" if size < 1e6 else f"{value:.3g}".replace("e+0", "e")
    elif 0 < size < 1e-3:
        text = f"{value:.2g}".replace("e-0", "e-")
    else:
        text = f"{value:.3g}"
    return text.replace("-", "−")


def per_cent(share: float) -> str:
    """A share in per cent, with one digit behind the point; a dash where there is none."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "–"
