"""How Sphinx builds these pages: `make docs`. Nothing is fetched, neither to build nor to read them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from freqforensics import __version__
from notebooks import copy_notebooks, plain_kernel

project = "freqforensics"
author = "The freqforensics developers"
copyright = author  # noqa: A001 - Sphinx's name
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "generated"]
exclude_patterns = ["_build"]
default_role = "code"
highlight_language = "none"
smartquotes = False  # --option stays --option

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3

# Notebooks: all are shown, and the quick ones are run.
nb_execution_mode = "force"
nb_execution_excludepatterns = copy_notebooks()
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
plain_kernel(Path(__file__).parent / "_build" / "ipython")

html_theme = "furo"
html_title = "freqforensics"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["own.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False

# Types are in the docstrings, in words: shapes and units with them.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False  # or words such as "shape" would be links
napoleon_use_ivar = True
napoleon_custom_sections = [("Attributes", "params_style")]
add_module_names = False
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88
