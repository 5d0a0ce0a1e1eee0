"""The hook of MkDocs: pages that lie beside the code join the site, and links follow them.

Pages link to one another by their places in the repository, so that they also work there. Here each
link is turned to the page's place on the site. A page of `docs/extend/` ends with its example file;
a link to that file leads there, and one to another source file becomes plain text.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

BESIDE_THE_CODE = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "experiments/README.md": "project/experiments.md",
    "experiments/LOG.md": "project/log.md",
    "cluster/README.md": "rooms/cluster.md",
    "cluster/paper.md": "rooms/paper-recipe.md",
    "analysis/README.md": "rooms/analysis.md",
    "physscale/records/README.md": "rooms/records.md",
    "physscale/simulate/README.md": "rooms/data-sets.md",
    "physscale/train/README.md": "rooms/train.md",
    "physscale/evaluate/README.md": "rooms/evaluate.md",
}
"""Place in the repository → place on the site."""

FIGURES = ("experiments/figures", "analysis/examples/gallery")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List every page of `docs/extend/` below "Extend"."""
    pages = sorted(path.name for path in (ROOT / "docs" / "extend").glob("*.md"))
    for entry in config.nav:
        if "Extend" in entry:
            others = [f"extend/{name}" for name in pages if name != "index.md"]
            entry["Extend"] = ["extend/index.md", *others]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and figures that lie outside `docs/`."""
    for source, target in BESIDE_THE_CODE.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text()))
    for folder in FIGURES:
        for figure in sorted((ROOT / folder).rglob("*.*")):
            place = figure.relative_to(ROOT).as_posix()
            files.append(File.generated(config, place, abs_src_path=str(figure)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn each link from its place in the repository to its place on the site."""
    here = page.file.src_uri
    turned = LINK.sub(lambda link: _on_site(link, here=here, files=files), markdown)
    return turned + _example(here)


def _example(page: str) -> str:
    """The example file of a page of `docs/extend/`, as the page's last section."""
    source = (ROOT / "docs" / page).with_suffix(".py")
    if not page.startswith("extend/") or not source.is_file():
        return ""
    return f"\n## The file\n\n```python\n{source.read_text()}```\n"


def _on_site(link: re.Match[str], *, here: str, files: Files) -> str:
    image, words, target = link.groups()
    path, _, anchor = target.partition("#")
    if here.startswith("extend/") and path.endswith(".py") and "/" not in path:
        path, anchor = path.replace(".py", ".md"), "the-file"
    if not path or "://" in target or target.startswith("mailto:"):
        return link.group()
    place = _place_on_site(posixpath.normpath(posixpath.join(_folder_of(here), path)))
    if place not in files.src_uris:
        assert not image, f"{here}: no figure {target}"
        return words
    relative = posixpath.relpath(place, posixpath.dirname(here) or ".")
    return f"{image}[{words}]({relative}{'#' + anchor if anchor else ''})"


def _folder_of(page: str) -> str:
    """The folder in the repository of a page of the site."""
    for source, target in BESIDE_THE_CODE.items():
        if target == page:
            return posixpath.dirname(source)
    return posixpath.dirname(f"docs/{page}")


def _place_on_site(source: str) -> str:
    return BESIDE_THE_CODE.get(source, source.removeprefix("docs/"))
