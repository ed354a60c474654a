"""The wheel alone does the main job: everything it needs at run time is inside it."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import photoplay
from photoplay import __version__
from photoplay.db.migrate import all_migrations
from tests.cli.conftest import clean_environment

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (made,) = folder.glob("*.whl")
    return made


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    source = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "photoplay").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    inside = names_in(wheel)
    assert source <= inside
    needed = [
        "photoplay/providers/local/models/u2netp.onnx",
        "photoplay/pages/studio/index.html",
        "photoplay/samples/dandelion.jpg",
        "photoplay/py.typed",
        *(f"photoplay/db/migrations/{m.name}.sql" for m in all_migrations()),
    ]
    assert set(needed) <= inside


def test_the_wheel_holds_nothing_else_but_its_licences_and_its_own_data(wheel):
    others = {name for name in names_in(wheel) if not name.startswith("photoplay/")}
    info = f"photoplay-{__version__}.dist-info"
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= others
    assert all(name.startswith(f"{info}/") for name in others)
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
        assert "photoplay = photoplay.cli:main" in archive.read(f"{info}/entry_points.txt").decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of programs of an environment with the wheel, and our dependencies beside it."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    # The dependencies as they are here; a plain line names a folder whose own .pth files, such as
    # that of the editable installation, are not read.
    dependencies = Path(pytest.__file__).parents[1]
    Path(site, "dependencies.pth").write_text(f"{dependencies}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    options = ["--no-deps", "--no-index", "--quiet", "--ignore-installed"]
    subprocess.run([*pip, "install", *options, str(wheel)], check=True)
    return home / "bin"


def test_the_installed_wheel_animates_a_picture_from_anywhere(installed, tmp_path):
    environment = clean_environment()
    del environment["PYTHONPATH"]

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run(
        installed / "python",
        "-c",
        "import photoplay; from pathlib import Path; print(Path(photoplay.__file__).parent)",
    ).strip()
    package = Path(where)
    assert package.is_relative_to(installed.parent)
    assert (installed / "photoplay").read_text().startswith(f"#!{installed}/python")
    assert package != Path(photoplay.__file__).parent

    said = run(
        installed / "photoplay",
        "animate", package / "samples" / "dandelion.jpg", "-o", "clip.mp4", "--json",
        "--resolution", "480p", "--duration", "1", "--fps", "24", "--data-dir", tmp_path / "data",
    )  # fmt: skip
    facts = json.loads(said)
    assert facts["status"] == "succeeded"
    assert (tmp_path / "clip.mp4").stat().st_size == facts["bytes"]
    assert facts["result"]["engine"] == "local-parallax"
