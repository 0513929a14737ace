"""Stylesheet, icon and scripts: files of our own, named by their content so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
#: For a request that names no version, or an old one.
FOR_NOW = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    href: str
    digest: str

    def answer(self, request: Request) -> Response:
        kept = FOR_EVER if request.query_params.get("v") == self.digest else FOR_NOW
        headers = {"ETag": f'"{self.digest}"', "Cache-Control": kept}
        if f'"{self.digest}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content, MEDIA[path.suffix], f"/static/{path.name}?v={digest}", digest)


MEDIA = {".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"}
BY_NAME = {path.name: _read(path) for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA}
STYLESHEET = BY_NAME["tasuki.css"]
ICON = BY_NAME["tasuki.svg"]
