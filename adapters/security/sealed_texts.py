"""The port `SealedTexts`: JSON, sealed, in base64url without padding."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from adapters.security.sealing import Sealer


class JsonSealedTexts:
    """Seals under one key; the purpose is bound to each text."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, purpose: str, members: Mapping[str, Any]) -> str:
        content = json.dumps(members, separators=(",", ":")).encode()
        return urlsafe_b64encode(self._sealer.seal(content, purpose.encode())).rstrip(b"=").decode()

    def open(self, purpose: str, text: str) -> Mapping[str, Any] | None:
        try:
            sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            members: Mapping[str, Any] = json.loads(self._sealer.open(sealed, purpose.encode()))
        except ValueError:
            return None
        return members
