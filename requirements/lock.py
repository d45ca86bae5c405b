"""Re-make the pins: every package that is installed, for all platforms, with its hashes.

`runtime.txt` is what serving needs, `dev.txt` that and the tools; they agree on every version.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
PROJECT: Final = FOLDER.parent

HEADER: Final = """\
# Made by `make lock` from pyproject.toml; install with `pip install --require-hashes`.

"""

# No address of a package index may end up in the files: which one is used is the user's choice.
OPTIONS: Final = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--upgrade",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
)


def compile_pins(target: Path, *options: str) -> None:
    uv = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *OPTIONS, *options]
    pins = subprocess.run(uv, cwd=PROJECT, check=True, text=True, stdout=subprocess.PIPE).stdout
    target.write_text(HEADER + pins, encoding="utf-8")


def main() -> None:
    compile_pins(FOLDER / "runtime.txt", "--group=build")
    compile_pins(
        FOLDER / "dev.txt", "--group=dev", "--extra=demo", "--constraint=requirements/runtime.txt"
    )


if __name__ == "__main__":
    main()
