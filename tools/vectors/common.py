"""What the scripts in Python share: the same as common.mjs, which describes the form."""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write_vectors(kind, contents):
    path = ROOT / "crates/sources/src" / kind.replace("-", "_") / "fixtures/vectors.json"
    whole = {"url": f"https://calls.example.com/sources/{kind}", "method": "POST", **contents}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
