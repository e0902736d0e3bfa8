"""How `make docs` builds the site; the pictures of families come from pictures.py before that."""

import os
import sys
from pathlib import Path

import diabolo

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "diabolo"
version = release = diabolo.__version__
project_copyright = ""
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    "docstrings",
    "families",
    "names",
    "uses",
]
exclude_patterns = ["_build", "examples/GALLERY_HEADER.rst"]
default_role = "py:obj"
language = "en"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say shapes, ranges and units
python_use_unqualified_type_names = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"plot_",
    "within_subsection_order": "gallery_order.InOrder",
    "doc_module": ("diabolo",),
    "reference_url": {"diabolo": None},
    "backreferences_dir": "examples/backreferences",
    "reset_modules": ("drawing.reset",),
    "parallel": int(os.environ.get("JOBS", "2")),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "image_scrapers": ("matplotlib",),
    "image_srcset": ["2x"],
    "remove_config_comments": True,
}

html_theme = "furo"
pygments_dark_style = "a11y-dark"
html_title = "diabolo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#9a3b12", "color-brand-content": "#9a3b12"},
    "dark_css_variables": {"color-brand-primary": "#f0a274", "color-brand-content": "#f0a274"},
}
