"""How Sphinx builds the site; `build.py` says from what."""

import re
from pathlib import Path

_HERE = Path(__file__).resolve().parent

project = "Postroom"
version = release = re.search(r'"(.+)"', (_HERE.parents[1] / "src" / "postroom" / "__init__.py").read_text())[1]
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
exclude_patterns = [".made"]
smartquotes = False
# Of accessible-pygments: every colour can be read on its ground.
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme = "furo"
html_title = "Postroom"
html_static_path = [str(_HERE / "static")]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"sidebar_hide_name": False}
