"""Write docs/openapi.json from the application and the types from it, or check that it is current.

python scripts/openapi.py           write
python scripts/openapi.py --check   compare, exit 1 on a difference
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from photoplay.api.openapi import openapi_document

TARGET = Path(__file__).parents[1] / "docs" / "openapi.json"


def main() -> int:
    text = json.dumps(openapi_document(), indent=1, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv:
        TARGET.write_text(text, "utf-8")
        subprocess.run([sys.executable, Path(__file__).with_name("typescript.py")], check=True)
        return 0
    if not TARGET.exists() or TARGET.read_text("utf-8") != text:
        print(
            "docs/openapi.json is not what the application serves; run `make openapi` and read the difference"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
