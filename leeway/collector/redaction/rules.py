"""The redaction rules, as data: what of which project is dropped, hashed or masked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from leeway.collector.redaction.built_in import NAMES, BuiltIn
from leeway.collector.redaction.patterns import compiled, key_pattern

Action = Literal["drop", "hash", "mask"]
CONTENT = "content"
"""The name under which what `content: off` drops is counted."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _built_in(value: object) -> object:
    return list(NAMES) if value == "all" else _listed(value)


def _key(text: str) -> str:
    compiled(key_pattern(text))
    return text


def _value(text: str) -> str:
    if compiled(text).search(b""):
        raise ValueError("matches the empty text, and so everywhere; it must match at least one character")
    return text


Keys = Annotated[tuple[Annotated[str, Field(min_length=1), AfterValidator(_key)], ...], BeforeValidator(_listed)]
"""Exact, with `*` and `?`, or `/a regular expression/`."""
Values = Annotated[tuple[Annotated[str, Field(min_length=1), AfterValidator(_value)], ...], BeforeValidator(_listed)]
"""Regular expressions, searched anywhere in a text."""
BuiltIns = Annotated[tuple[BuiltIn, ...], BeforeValidator(_built_in)]


class _Section(BaseModel):
    """A section knows all its keys, and what is loaded never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Section):
    """One rule. With `keys` and `values` both, it is about matching values under matching keys."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")
    keys: Keys = ()
    values: Values = ()
    action: Action
    replacement: str | None = Field(default=None, pattern=r"^[^$\p{Cc}][^\p{Cc}]{0,99}$")
    """What `mask` writes; without one, the rule's name in capitals and brackets."""
    numbers: bool = False
    """Whether `values` are searched for in integers and doubles too."""

    @model_validator(mode="after")
    def _is_whole(self) -> Rule:
        if not self.keys and not self.values:
            raise ValueError("must have keys, values or both")
        if self.replacement is not None and self.action != "mask":
            raise ValueError(f"has a replacement, which only action: mask writes; the action is {self.action}")
        if self.numbers and not self.values:
            raise ValueError("has numbers, which says where values are searched for; there are no values")
        if self.name == CONTENT or self.name in NAMES:
            raise ValueError(f"is named {self.name}, which is the name of a built-in one")
        return self

    @property
    def mask(self) -> str:
        return self.replacement or f"[{self.name.upper()}]"


class Policy(_Section):
    """What holds for a project."""

    content: bool | None = None
    """Whether prompts, completions, tool arguments and tool results are stored; without a word they are."""
    content_keys: Keys = ()
    """Attributes that hold content too, beside those that Leeway knows."""
    built_in: BuiltIns | None = None
    """Patterns of Leeway's own to mask: names, or `all`."""
    rules: tuple[Rule, ...] = ()


class ProjectPolicy(Policy):
    inherit: bool = True
    """Whether `default` holds where this says nothing, its rules and content_keys beside these."""

    def over(self, default: Policy) -> Policy:
        """What holds for the project."""
        if not self.inherit:
            return self
        return Policy(
            content=default.content if self.content is None else self.content,
            content_keys=(*self.content_keys, *default.content_keys),
            built_in=default.built_in if self.built_in is None else self.built_in,
            rules=(*self.rules, *default.rules),
        )


class Rules(_Section):
    """A whole redaction file."""

    version: Literal[1]
    default: Policy = Policy()
    projects: dict[str, ProjectPolicy] = Field(default_factory=dict)

    def policy(self, project: str) -> Policy:
        """What holds for a project; `default` for one that the file does not name."""
        named = self.projects.get(project)
        return named.over(self.default) if named else self.default
