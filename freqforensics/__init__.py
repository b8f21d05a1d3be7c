"""Frequency analysis and interpretability for CNN-generated images.

Names are imported when they are first used, so that importing the package costs next to nothing.

Examples
--------
>>> import freqforensics as ff
>>> spec = ff.SpectrumSpec(size=128, residual="median", kernel=5)
>>> spec.size
(128, 128)
"""

from typing import Any as _Any

import lazy_loader

from freqforensics.runtime.showing import draw_with as _draw_with

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def _html_of(result: _Any) -> str | None:
    from freqforensics.report.notebook import html_of

    return html_of(result)


_draw_with(_html_of)
