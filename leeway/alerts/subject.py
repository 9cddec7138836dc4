"""What a breaker is about: an agent, a version of it, or a tool that it uses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote

from leeway.model import Rejected

SubjectKind = Literal["agent", "version", "tool"]
_SEPARATORS: Final = str.maketrans({c: f"%{ord(c):02X}" for c in "%/@#"})


@dataclass(frozen=True, slots=True)
class Subject:
    """An empty `agent` is the service's runs as a whole; `version` and `tool` are set for their own kind only."""

    project: str
    service: str
    agent: str = ""
    version: str = ""
    tool: str = ""

    def __post_init__(self) -> None:
        if not self.project or not self.service:
            raise Rejected("a subject needs a project and a service")
        if self.version and self.tool:
            raise Rejected("a subject has a version or a tool, not both")

    @property
    def kind(self) -> SubjectKind:
        return "version" if self.version else "tool" if self.tool else "agent"

    @property
    def id(self) -> str:
        """The breaker's id."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        """`project/service/agent[@version|#tool]`; the separators inside a name are percent-encoded."""
        text = "/".join(part.translate(_SEPARATORS) for part in (self.project, self.service, self.agent))
        if self.version:
            return f"{text}@{self.version.translate(_SEPARATORS)}"
        return f"{text}#{self.tool.translate(_SEPARATORS)}" if self.tool else text


def parse_subject(text: str) -> Subject:
    """The opposite of `str(subject)`.

    Raises:
        Rejected: It is not a subject.
    """
    head, at, version = text.partition("@")
    head, hash_sign, tool = (head, "", "") if at else text.partition("#")
    parts = head.split("/")
    if len(parts) != 3 or (at and not version) or (hash_sign and not tool):
        raise Rejected(f"{text!r} must be like project/service/agent, with @version or #tool where it is about one")
    project, service, agent = (unquote(part) for part in parts)
    return Subject(project, service, agent, unquote(version), unquote(tool))


def path_segment(text: str) -> str:
    """A name as one segment of an address."""
    return quote(text, safe="")
