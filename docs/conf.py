"""How the site is built: `./start sphinx-build -W docs site`, then open site/index.html, which fetches nothing.

Pages come from three places: what people wrote (docs/*.md, the scripts in docs/gallery/), what the code says of itself
(`pages.py` makes pages of docstrings, tables and imports), and the runs that the scripts play while the site is built.
What is made lies in docs/made/ and may be deleted at any time; only what has changed is built anew.
"""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version as version_of
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import pages  # noqa: E402

project, author = "cogattn", "The cogattn developers"
copyright = f"{author}, BSD-3-Clause"
version = release = version_of("cogattn")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["gallery", "made/scripts", "made/parts", "**/*.ipynb"]
default_role = "code"
suppress_warnings = ["ref.python"]  # a short name of a type may be that of two classes
nitpicky = True
nitpick_ignore_regex = [  # types of others, and what is not public, have no page here
    ("py:.*", r"(?!cogattn\.).*"),
    ("py:.*", r"cogattn\.(.*\.)?_\w+"),
]
python_maximum_signature_line_length = 90
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4

html_theme = "pydata_sphinx_theme"
html_title = "cogattn"
html_static_path = ["_static"]
html_css_files = ["cogattn.css"]
html_show_sphinx = html_show_sourcelink = html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "cogattn"},
    "show_prev_next": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",  # 4.5:1 and more; the theme brings both
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Pages that stand alone have no section to lead through.
ALONE = ("index", "new_user", "theory", "faq", "mechanisms", "architecture", "made/*")
html_sidebars = {page: [] for page in ALONE}

sphinx_gallery_conf = {
    "examples_dirs": ["gallery", *(f"made/scripts/{room}" for room in pages.ROOMS)],
    "gallery_dirs": ["made/guides", *(f"made/{room}" for room in pages.ROOMS)],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "pages.in_order",
    "image_scrapers": ("pages.drawn",),
    "ignore_repr_types": r"matplotlib|tuple|list|None",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,  # that page fetches scripts from outside
    "plot_gallery": True,
}
# A figure that a script makes is shown on its page; there is no window to show it in.
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive.*")

pages.make()


def math(self, node: nodes.math) -> None:
    """An equation within a line, as MathML: no script and no font has to be fetched for it."""
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def math_block(self, node: nodes.math_block) -> None:
    """An equation that stands alone."""
    self.body.append(self.starttag(node, "div", CLASS="equation"))
    self.body.append(tex2mathml(node.astext(), as_block=True) + "</div>\n")
    raise nodes.SkipNode


def docstring(*event) -> None:
    """Docstrings are plain text with code in backquotes and equations set apart."""
    lines: list[str] = event[-1]
    lines[:] = pages.rst("\n".join(lines)).splitlines()


def signature(*event) -> tuple[str, str | None] | None:
    """Without the command line's annotations."""
    words, returns = event[-2:]
    return None if words is None else (pages.plain(words), returns)


def source(app, docname: str, text: list[str]) -> None:
    """Links to texts outside docs/ lead to their pages; the plan of the house gets its drawing."""
    if app.env.doc2path(docname).suffix != ".md" or docname.startswith("made/"):
        return
    text[0] = pages.rebased(text[0], DOCS, DOCS)
    if docname == "architecture":
        head, rest = text[0].split("\n", 1)
        text[0] = f"{head}\n\n![Which room imports which: arrows go down](made/house.svg)\n{rest}"


def setup(app) -> None:
    """What Sphinx has no setting for."""
    app.add_html_math_renderer("mathml", inline_renderers=(math, None), block_renderers=(math_block, None))
    app.connect("autodoc-process-docstring", docstring)
    app.connect("autodoc-process-signature", signature)
    app.connect("source-read", source)
