"""What Sphinx's pages lack: sized pictures, one heading row a table, and no idle scripts."""

import html
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from bs4 import BeautifulSoup, Tag
from matplotlib import image as images

# What no page needs: an icon script beside the icon font, fonts before they are asked for, and live
# code from elsewhere.
IDLE = re.compile(r"fontawesome/[^\"]*\.(js|woff2)\b|thebe", re.IGNORECASE)
CANONICAL = re.compile(r'<link rel="canonical" href="([^"]+)"')
FORMULAS = re.compile("mathjax", re.IGNORECASE)
# The search button's label, which is less than its text, in a script that writes it.
SEARCH = re.compile(r'(search-button-field[^>]*?) aria-label="[^"]*"')
POINT = 4 / 3  # in pixels
WIDE = 540  # pixels


def finish(folder: Path) -> None:
    """Rewrite every page of a built site in place, remove idle scripts, and quiet the others."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}
    for path, page in pages.items():
        path.write_text(finished(page, folder), encoding="utf-8")
    (folder / "sitemap.xml").write_bytes(sitemap(pages.values()))
    for path in [*folder.glob("_static/vendor/fontawesome/*/js"), *folder.glob("_static/*thebe*")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.glob("_static/**/*.js"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("console.log(", "void("), encoding="utf-8")


def sitemap(pages: Iterable[str]) -> bytes:
    """The addresses that pages name as their own, for search engines (sitemaps.org, 0.9)."""
    listed = ElementTree.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
    for page in pages:
        if address := CANONICAL.search(page):
            place = ElementTree.SubElement(ElementTree.SubElement(listed, "url"), "loc")
            place.text = html.unescape(address.group(1))
    return ElementTree.tostring(listed, encoding="utf-8", xml_declaration=True)


def finished(page: str, folder: Path) -> str:
    """A page's HTML as it is published; `folder` holds the files that its images name."""
    soup = BeautifulSoup(SEARCH.sub(r"\1", page), "html.parser")
    has_formulas = soup.select_one(".math")
    for script in soup.find_all(["script", "link"]):
        told = f"{script.get('src', '')}{script.get('href', '')}{script.string or ''}"
        if IDLE.search(told) or (FORMULAS.search(told) and not has_formulas):
            script.decompose()
    content = soup.find("article") or soup
    for place, picture in enumerate(content.find_all("img")):
        _size(picture, folder)
        if place:
            picture["loading"] = "lazy"
    for table in content.find_all("table"):
        _join_headings(table)
        _let_scroll(soup, table)
    for summary in content.find_all("summary"):
        del summary["aria-label"]  # its text says more
    for listed in content.find_all(attrs={"role": "list"}):
        if not listed.find(attrs={"role": "listitem"}):
            del listed["role"]
    return str(soup)


def _size(picture: Tag, folder: Path) -> None:
    """Tell a picture's width and height in pixels, so that no text moves when it comes."""
    path = folder / picture.get("src", "")
    if picture.get("height") or not path.is_file():
        return
    if path.suffix == ".svg":
        drawn = re.search(r"<svg[^>]*", path.read_text(encoding="utf-8"))
        told = dict(re.findall(r'\b(width|height)="([\d.]+)pt"', drawn.group() if drawn else ""))
        if len(told) < 2:
            return
        width, height = (POINT * float(told[side]) for side in ("width", "height"))
    elif path.suffix == ".png":
        height, width = images.imread(path).shape[:2]
    else:
        return
    picture["width"], picture["height"] = round(width), round(height)
    if width > WIDE:  # on a phone it scrolls, where its text would else be too small
        picture["class"] = [*picture.get("class", []), "wide"]


def _join_headings(table: Tag) -> None:
    """Pandas writes the index's name in a second heading row, which is empty otherwise."""
    rows = table.select("thead > tr")
    if len(rows) != 2:
        return
    names, columns = (row.find_all("th") for row in reversed(rows))
    named = [place for place, cell in enumerate(names) if cell.get_text(strip=True)]
    if any(columns[place].get_text(strip=True) for place in named if place < len(columns)):
        return
    for place in named:
        columns[place].string = names[place].get_text(strip=True)
    rows[1].decompose()


def _let_scroll(soup: BeautifulSoup, table: Tag) -> None:
    """A table wider than a phone is scrolled within a region that the keyboard reaches."""
    classes = table.get("class", [])
    if "dataframe" in classes and "ledger" not in classes:  # whose heading stays in sight
        region = {"class": "wide-table", "tabindex": "0", "role": "region", "aria-label": "table"}
        table.wrap(soup.new_tag("div", attrs=region))
