"""What import-linter cannot say: others import only what a room's `__init__` lists; the model knows no library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "leeway"
MODULES = sorted(HOUSE.rglob("*.py"))
SURFACES = {
    "leeway.storage.content", "leeway.storage.embedded", "leeway.storage.export", "leeway.storage.kernels",
    "leeway.storage.life", "leeway.storage.policy_file", "leeway.storage.prices", "leeway.storage.repricing",
    "leeway.storage.search",
}  # fmt: skip
"""Packages inside a room that have a surface of their own, so that nobody pays for what they load."""


def imports(path: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, module, and the names taken from it (none for a plain import)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports in full"
            yield node.lineno, node.module or "", tuple(alias.name for alias in node.names)


def listed(package: str) -> set[str]:
    """What a package's `__init__` lists in `__all__`."""
    init = ROOT.joinpath(*package.split("."), "__init__.py")
    for node in ast.parse(init.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return set(ast.literal_eval(node.value))
    return set()


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_a_room_uses_only_what_others_list(path: Path) -> None:
    own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    wrong = []
    for line, module, names in imports(path):
        if not module.startswith("leeway.") or room(module) == own:
            continue
        if module not in SURFACES and module != room(module):
            wrong.append(f"{path.relative_to(ROOT)}:{line}: {module} lies behind the surface of {room(module)}")
            continue
        submodules = {s.rsplit(".", 1)[1] for s in SURFACES if s.rsplit(".", 1)[0] == module}
        wrong += [
            f"{path.relative_to(ROOT)}:{line}: {module} does not list {name}"
            for name in names
            if name not in listed(module) and name not in submodules
        ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sorted((HOUSE / "model").rglob("*.py")), ids=lambda p: p.name)
def test_the_model_knows_only_the_standard_library(path: Path) -> None:
    foreign = {
        m for _, m, _ in imports(path) if m.split(".")[0] not in sys.stdlib_module_names | {"leeway", "__future__"}
    }
    assert not foreign
