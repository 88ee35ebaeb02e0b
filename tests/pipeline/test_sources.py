"""Where packages come from holds, where they go doesn't."""

import os
import tomllib

import pytest

from helpers.pipeline import sources
from helpers.study.errors import InputError

# What leads pip, uv or Python to somebody's own environment.
HOSTILE = {
    **{"PIP_USER": "1", "PIP_TARGET": "/own", "PIP_PREFIX": "/own", "PIP_ROOT": "/own"},
    **{"PIP_REQUIRE_VIRTUALENV": "1", "PIP_PYTHON": "/own/python", "PIP_CONFIG_FILE": "/own/conf"},
    **{"PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_CONSTRAINT": "/own/constraints.txt"},
    **{"UV_PROJECT_ENVIRONMENT": "/own", "UV_SYSTEM_PYTHON": "1", "UV_PYTHON": "/own/python"},
    **{"UV_BREAK_SYSTEM_PACKAGES": "1", "UV_TARGET": "/own", "UV_PREFIX": "/own"},
    **{
        "UV_OVERRIDE": "/own/overrides.txt",
        "UV_EXCLUDE_NEWER": "2020-01-01",
        "UV_WORKING_DIR": "/",
    },
    **{"CONDA_PREFIX": "/own", "CONDA_DEFAULT_ENV": "base", "VIRTUAL_ENV": "/own"},
    **{"PYTHONPATH": "/own", "PYTHONHOME": "/own", "PYTHONUSERBASE": "/own"},
}
HARMLESS = {"PATH": "/usr/bin", "HTTPS_PROXY": "http://proxy", "SSL_CERT_FILE": "/ca.pem"}


def test_pips_options_go_by_its_own_order_and_lose_where_packages_go():
    listed = "\n".join(
        [
            "global.index-url='https://mirror/simple'",
            "global.extra-index-url='https://one/simple\\nhttps://two/simple'",
            "install.index-url='https://nearer/simple'",
            "global.user='true'",
            "install.target='/own'",
            "global.timeout='60'",
            "download.index-url='https://other/simple'",
        ]
    )
    variables = {"PIP_TIMEOUT": "90", "PIP_EXTRA_INDEX_URL": "", "PIP_USER": "1", "PIP_CERT": "/ca"}
    assert sources.of_pip(listed, variables) == {
        "index-url": "https://nearer/simple",
        "extra-index-url": "https://one/simple\nhttps://two/simple",
        "timeout": "90",
        "cert": "/ca",
    }


def test_pip_is_led_nowhere_else():
    told = sources.variables_for_pip(HOSTILE | HARMLESS, {"index-url": "https://mirror/simple"})
    assert told == HARMLESS | {
        "PIP_INDEX_URL": "https://mirror/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
    }


def test_uv_is_led_nowhere_else(tmp_path):
    own = {"UV_DEFAULT_INDEX": "https://mirror/simple", "UV_INDEX_MINE_PASSWORD": "secret"}
    own |= {"UV_HTTP_TIMEOUT": "90", "UV_OFFLINE": "1", "HOME": str(tmp_path)}
    pip = {"cert": "/other.pem", "proxy": "http://other", "timeout": "30", "retries": "9"}
    told = sources.variables_for_uv(HOSTILE | HARMLESS | own, pip, "/tmp/config.toml")
    assert told == HARMLESS | own | {
        "ALL_PROXY": "http://other",
        "UV_HTTP_RETRIES": "9",
        "UV_CONFIG_FILE": "/tmp/config.toml",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
    }


def test_uv_does_without_a_cache_where_none_can_be(tmp_path):
    (tmp_path / "file").touch()
    for variables in ({"HOME": str(tmp_path / "file")}, {"XDG_CACHE_HOME": str(tmp_path / "file")}):
        assert sources.variables_for_uv(variables, {}, "config")["UV_NO_CACHE"] == "1"
    given = {"HOME": str(tmp_path / "file"), "UV_CACHE_DIR": "/cache"}
    assert "UV_NO_CACHE" not in sources.variables_for_uv(given, {}, "config")


def test_uvs_files_lose_where_packages_go(tmp_path):
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text(
        'offline = true\n[[index]]\nname = "mine"\nurl = "https://mirror/simple"\n'
        '[pip]\nsystem = true\ntarget = "/own"\nfind-links = ["/wheels"]\n'
    )
    index = [{"name": "mine", "url": "https://mirror/simple"}]
    expected = {"find-links": ["/wheels"], "offline": True, "index": index}
    assert sources.of_uv({"XDG_CONFIG_HOME": str(tmp_path)}) == expected
    named = tmp_path / "named.toml"
    named.write_text('index-url = "https://named/simple"\n')
    variables = {"XDG_CONFIG_HOME": str(tmp_path), "UV_CONFIG_FILE": str(named)}
    assert sources.of_uv(variables) == {"index-url": "https://named/simple"}


@pytest.mark.parametrize("spoilt", [b"offline = ", b"\xff\xfe"])
def test_a_file_of_uvs_that_cannot_be_read_is_named(tmp_path, spoilt):
    (tmp_path / "uv.toml").write_bytes(spoilt)
    with pytest.raises(InputError, match=r"uv\.toml: .*; mend it"):
        sources.of_uv({"UV_CONFIG_FILE": str(tmp_path / "uv.toml")})


def test_uv_takes_packages_from_where_pip_would():
    pip = {
        "index-url": "https://mirror/simple",
        "extra-index-url": "https://one/simple\nhttps://two/simple",
        "find-links": "/wheels",
        "trusted-host": "mirror",
        "no-index": "false",
    }
    assert sources.in_uvs_words(pip) == {
        "index-url": "https://mirror/simple",
        "extra-index-url": ["https://one/simple", "https://two/simple"],
        "index-strategy": "unsafe-best-match",
        "find-links": ["/wheels"],
        "allow-insecure-host": ["mirror"],
    }
    assert sources.in_uvs_words({"no-index": "1"}) == {"no-index": True}


@pytest.mark.parametrize(
    "value",
    [True, 3, 'a "b" \\ ü\n', ["a", "b"], [{"name": "a b", "url": "x", "default": True}], []],
)
def test_toml_reads_back_what_was_written(value):
    assert tomllib.loads(f"key = {sources.toml(value)}") == {"key": value}
