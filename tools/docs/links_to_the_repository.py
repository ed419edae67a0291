"""A hook of MkDocs: links that leave docs/, or lead to a folder, go to the repository instead of to the site."""

import os
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """The page's text with such links changed."""
    docs = Path(config.docs_dir)
    root, folder = docs.parent, Path(page.file.abs_src_path).parent

    def outward(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[1]))
        if not target.exists() or (target.is_relative_to(docs) and target.is_file()):
            return link[1]  # a page of the site; MkDocs itself complains of one that is not there
        return f"{config.repo_url}/{'tree' if target.is_dir() else 'blob'}/main/{target.relative_to(root)}"

    return _LINK.sub(outward, markdown)
