"""A built page gets sizes for its pictures and loses idle scripts; its words stay as they are."""

from xml.etree import ElementTree

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from helpers.pipeline.webpages import finish, finished, sitemap

PAGE = """<!DOCTYPE html>
<html><head>
<script src="_static/vendor/fontawesome/6.5.2/js/all.min.js?digest=d"></script>
<script>const THEBE_JS_URL = "https://elsewhere/thebe.js"</script>
<link href="_static/vendor/fontawesome/6.5.2/css/all.min.css" rel="stylesheet"/>
<script src="_static/doctools.js"></script></head>
<body><article><p>a &lt; b &amp; c</p>{content}</article></body></html>"""


def made(folder, content):
    return BeautifulSoup(finished(PAGE.format(content=content), folder), "html.parser")


def test_idle_scripts_go_and_all_else_stays(tmp_path):
    page = made(tmp_path, "")
    sources = [tag.get("src") for tag in page.find_all("script")]
    assert sources == ["_static/doctools.js"]
    assert page.find("link")["href"].endswith("all.min.css")
    assert page.find("p").get_text() == "a < b & c"
    assert str(page).startswith("<!DOCTYPE html>")


def test_formulas_are_loaded_for_where_there_are_any(tmp_path):
    script = '<script src="https://elsewhere/mathjax@3/tex.js"></script>'
    assert "mathjax" not in str(made(tmp_path, script))
    assert "mathjax" in str(made(tmp_path, script + '<span class="math">x</span>'))


def test_a_label_that_says_less_than_the_text_goes(tmp_path):
    button = '<button class="btn search-button-field" aria-label="Search">Search Ctrl+K</button>'
    page = made(
        tmp_path, f"<script>write(`{button}`)</script><details><summary aria-label='T'>more"
    )
    assert "aria-label" not in str(page)


def test_pictures_have_their_size_and_all_but_the_first_load_late(tmp_path):
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    (tmp_path / "b.svg").write_text('<svg height="30pt" width="60pt" viewBox="0 0 60 30"></svg>')
    first, second, gone = made(
        tmp_path, '<img src="a.png"/><img src="b.svg"/><img src="gone.png"/>'
    ).find_all("img")
    assert (first["width"], first["height"], first.get("loading")) == ("30", "20", None)
    assert (second["width"], second["height"], second["loading"]) == ("80", "40", "lazy")
    assert "width" not in gone.attrs
    assert "wide" not in second.get("class", [])
    (tmp_path / "c.svg").write_text('<svg height="30pt" width="450pt"></svg>')
    assert made(tmp_path, '<img src="c.svg"/>').find("img")["class"] == ["wide"]


@pytest.mark.parametrize("columns_name", [None, "kind"])
def test_a_tables_two_heading_rows_become_one(tmp_path, columns_name):
    index = pd.Index(["x", "y"], name="metric")
    table = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=index)
    table.columns.name = columns_name
    page = made(tmp_path, table.to_html())
    rows = [[cell.get_text() for cell in row.find_all("th")] for row in page.select("thead tr")]
    if columns_name is None:
        assert rows == [["metric", "a", "b"]]
    else:
        assert len(rows) == 2
    region = page.find("table").parent
    assert (region["tabindex"], region["class"]) == ("0", ["wide-table"])


def test_a_list_without_items_is_called_none(tmp_path):
    page = made(tmp_path, '<div role="list"><div>reference</div></div>')
    assert page.find(attrs={"role": "list"}) is None


def test_the_sitemap_lists_the_pages_that_have_an_address():
    page = '<link rel="canonical" href="https://a.org/b/{}.html" />'
    told = ElementTree.fromstring(
        sitemap([page.format("x&amp;y"), "<p>search</p>", page.format("z")])
    )
    assert [place.text for place in told.iter() if place.tag.endswith("}loc")] == [
        "https://a.org/b/x&y.html",
        "https://a.org/b/z.html",
    ]


def test_every_page_of_a_site_is_finished_and_idle_files_go(tmp_path):
    idle = tmp_path / "_static/vendor/fontawesome/6.5.2/js"
    idle.mkdir(parents=True)
    (idle / "all.min.js").write_text("icons")
    (tmp_path / "_static/sphinx-thebe.js").write_text("live code")
    (tmp_path / "_static/theme.js").write_text('start();console.log("started",1);')
    for name in ("index", "404"):
        (tmp_path / f"{name}.html").write_text(PAGE.format(content=""))
    finish(tmp_path)
    assert not idle.exists()
    assert (tmp_path / "_static/theme.js").read_text() == 'start();void("started",1);'
    assert not list(tmp_path.glob("_static/*thebe*"))
    assert all("all.min.js" not in p.read_text() for p in tmp_path.glob("*.html"))
