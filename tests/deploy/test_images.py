"""What `make images` decides before it builds, and what the Dockerfiles and the locks must agree on."""

import re
from pathlib import Path

import pytest

from deploy.images import base_image, package_index
from deploy.manifests import ROOT

DOCKERFILES = sorted(ROOT.glob("services/*/Dockerfile"))
LISTING = """:env:.cert='/etc/ssl/certs/own.pem'
global.cert='/elsewhere.pem'
global.extra-index-url='file:///srv/simple https://mirror.test/simple'
global.find-links='/srv/wheels'
global.index-url='https://index.test/simple'
"""


def test_the_build_reaches_the_index_that_pip_reaches_here() -> None:
    options = package_index.effective_options(LISTING)

    assert options["cert"] == "/etc/ssl/certs/own.pem"
    written = package_index.configuration(options, with_ca=True).splitlines()
    assert written == [
        "[global]",
        "extra-index-url = https://mirror.test/simple",
        "index-url = https://index.test/simple",
        f"cert = {package_index.CA_IN_BUILD}",
    ]


def test_the_mirror_is_the_one_that_apt_uses() -> None:
    listing = "https://a.test/debian-security/ trixie-security main\nhttps://a.test/debian/ trixie main\n"

    assert base_image.apt_mirror(listing, "trixie") == "https://a.test/debian/"
    with pytest.raises(base_image.Unbuildable, match="BASE_IMAGE"):
        base_image.apt_mirror(listing, "bookworm")


def test_the_suite_is_the_hosts_when_it_is_a_debian() -> None:
    assert base_image.host_suite('ID=debian\nVERSION_CODENAME="trixie"\n') == "trixie"
    assert base_image.host_suite("ID=ubuntu\nVERSION_CODENAME=noble\n") == "bookworm"


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_holds_locked_wheels_and_does_not_run_as_root(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    final = text.rpartition("\nFROM ")[2]

    assert "ARG BASE_IMAGE=docker.io/library/python:3.12-slim-bookworm" in text
    assert text.count("--require-hashes --only-binary :all:") == 2
    assert "USER 10001:10001" in final
    assert "HEALTHCHECK" in final
    assert "RUN" not in re.findall(r"^[A-Z]+", final, re.MULTILINE), "nothing runs in the final stage"


def test_no_lock_names_an_address() -> None:
    for lock in [*ROOT.glob("services/*/requirements.txt"), ROOT / "deploy" / "build-requirements.txt"]:
        text = lock.read_text()
        assert "://" not in text, lock
        assert "--hash=sha256:" in text, lock
