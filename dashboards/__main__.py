"""Writes the dashboards' JSON: `python -m dashboards`."""

from pathlib import Path

from dashboards.build import texts

for name, text in texts().items():
    (Path(__file__).parent / name).write_text(text, encoding="utf-8")
