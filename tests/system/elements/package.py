"""The npm package as it would be published, installed beside React, and pages bundled with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

WEB = Path(__file__).parents[3] / "web"
_MODULES = WEB / "node_modules"
_SETTINGS = {
    "target": "es2022",
    "lib": ["es2023", "dom", "dom.iterable"],
    "jsx": "react-jsx",
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noEmit": True,
    "types": ["node", "react", "react-dom"],
}


class Installed:
    """A folder with what a product installs: this package from its archive, and the locked React."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run("node", "build.mjs", "--dist", cwd=WEB)
        packed = self._run(
            "npm", "pack", "--ignore-scripts", "--json", "--pack-destination", str(folder), cwd=WEB
        )
        (archive,) = json.loads(packed)
        self.files: set[str] = {file["path"] for file in archive["files"]}
        with tarfile.open(folder / archive["filename"]) as tar:
            tar.extractall(folder, filter="data")
        (folder / "node_modules" / "@photoplay").mkdir(parents=True)
        (folder / "package").rename(folder / "node_modules" / "@photoplay" / "elements")
        for module in _MODULES.iterdir():
            if not module.name.startswith("."):
                (folder / "node_modules" / module.name).symlink_to(module)
        (folder / "package.json").write_text('{"type": "module"}')

    def take(self, folder: Path) -> Path:
        """Copy a folder of sources to where it finds the package."""
        return Path(shutil.copytree(folder, self.folder / folder.name, dirs_exist_ok=True))

    def bundle(self, source: Path) -> str:
        """The script that a browser loads for a page; what lies beside it is copied with it."""
        folder = self.take(source.parent)
        esbuild = str(_MODULES / ".bin" / "esbuild")
        options = ("--bundle", "--format=esm", "--jsx=automatic", "--log-level=warning")
        return self._run(esbuild, source.name, *options, "--target=chrome123", cwd=folder)

    def types_of(self, *names: str, resolution: str, **more: bool) -> str:
        """What the TypeScript compiler complains about."""
        module = "esnext" if resolution == "bundler" else resolution
        settings = {**_SETTINGS, "moduleResolution": resolution, "module": module, **more}
        config = {"compilerOptions": settings, "files": list(names)}
        (self.folder / "tsconfig.json").write_text(json.dumps(config))
        done = subprocess.run(
            [str(_MODULES / ".bin" / "tsc")],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def run(self, script: str) -> str:
        """What a script in the folder writes, run by Node without a browser."""
        return self._run("node", "--input-type=module", "--eval", script)

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            command, cwd=cwd or self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
