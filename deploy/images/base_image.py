"""The base image, made here where none can be pulled: Debian's own Python on debootstrap's smallest system."""

import shutil
import subprocess
import tempfile
from pathlib import Path

_INCLUDE = "python3,python3-venv,ca-certificates"
_FALLBACK_SUITE = "bookworm"


class Unbuildable(RuntimeError):
    """No image can be built here; the message says what is missing."""


def host_suite(os_release: str) -> str:
    """The suite whose mirror apt knows; on another distribution the one that the Dockerfiles' own base has."""
    values = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    codename = values.get("VERSION_CODENAME", "").strip('"')
    return codename if values.get("ID") == "debian" and codename else _FALLBACK_SUITE


def apt_mirror(index_targets: str, suite: str) -> str:
    """From lines of `address release component`: where apt itself takes this suite from."""
    for line in index_targets.splitlines():
        address, release, component = line.split()
        if (release, component) == (suite, "main"):
            return address
    raise Unbuildable(f"apt knows no mirror of {suite}: set BASE_IMAGE to an image with Python >= 3.11")


def _mirror(suite: str) -> str:
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    return apt_mirror(subprocess.run(listing, capture_output=True, text=True, timeout=60, check=True).stdout, suite)


def _exists(image: str) -> bool:
    return (
        subprocess.run(["buildah", "inspect", "--type", "image", image], capture_output=True, check=False).returncode
        == 0
    )


def ensure(log: Path) -> str:
    """Its name. Made once, some forty seconds; `buildah rmi` on that name to have it made afresh."""
    suite = host_suite(Path("/etc/os-release").read_text())
    image = f"localhost/ece-base-python:{suite}"
    if not _exists(image):
        folder = Path(tempfile.mkdtemp(prefix="ece-base-"))
        try:
            _bootstrap(suite, folder / "root", log)
            _import(folder / "root", image)
        finally:
            shutil.rmtree(folder)
    return image


def _bootstrap(suite: str, root: Path, log: Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={_INCLUDE}", suite, str(root), _mirror(suite)]
    with log.open("ab") as out:
        done = subprocess.run(command, stdout=out, stderr=out, timeout=900, check=False)
    if done.returncode != 0:
        raise Unbuildable(f"debootstrap failed; its log is {log}")


def _import(root: Path, image: str) -> None:
    tar = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
    subprocess.run(["podman", "import", "--quiet", "-", image], stdin=tar.stdout, capture_output=True, check=True)
    if tar.wait() != 0:
        raise Unbuildable("the base system could not be packed")
