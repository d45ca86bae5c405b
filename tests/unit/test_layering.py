"""The arrows of the architecture, held: who may import whom, and what the core never touches."""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SHARED: Final = ROOT / "shared" / "muniment"
SERVICES: Final = ROOT / "services" / "muniment"

# What a shared package may import of Muniment besides itself. The domain stands alone; everything
# may use the domain; the log knows nothing of what is made of it, and neither knows of HTTP.
SHARED_ARROWS: Final[Mapping[str, frozenset[str]]] = {
    "domain": frozenset(),
    "runtime": frozenset({"domain"}),
    "log": frozenset({"domain", "runtime"}),
    "readmodel": frozenset({"domain", "runtime", "log"}),
    "web": frozenset({"domain", "runtime", "readmodel"}),
    "accounts": frozenset({"domain", "runtime", "readmodel", "web"}),
    "keys": frozenset({"domain", "runtime", "readmodel", "web", "accounts"}),
    "openid": frozenset({"domain", "runtime", "readmodel", "web", "accounts"}),
}

# These put services together, so they alone may import them.
COMPOSING: Final = frozenset({"cli", "stack", "api", "cocobase", "dataforce", "administration"})

# The core gets time, ids and randomness as arguments, and does no I/O.
CORE_STDLIB: Final = frozenset(
    {
        "__future__",
        "base64",
        "bisect",
        "collections",
        "contextvars",
        "copy",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "graphlib",
        "heapq",
        "hashlib",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "types",
        "typing",
        "unicodedata",
        "uuid",
    }
)
CORE_LIBRARIES: Final = frozenset(
    {
        "cachetools",
        "cryptography",
        "jsonpatch",
        "jsonpointer",
        "jsonschema",
        "jsonschema_rs",
        "orjson",
        "rapidjson",
        "referencing",
        "typing_extensions",
        "yarl",
    }
)
CORE_MODULES: Final = frozenset({"urllib.parse"})
"""Of packages that can do I/O, the modules that cannot."""

# Names in allowed modules that would bring the clock or chance in.
CORE_CALLS_BARRED: Final = frozenset(
    {"now", "utcnow", "today", "uuid1", "uuid4", "uuid7", "getnode", "open", "input", "print"}
)


def packages(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if any(path.glob("*.py")))


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that the file imports, also inside functions and for the type checker alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module="muniment", names=names):
                yield from ((f"muniment.{alias.name}", node.lineno) for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module, node.lineno
            case _:
                pass


def breaches(package: Path, allowed: frozenset[str]) -> list[str]:
    """Imports of Muniment's own packages that are neither the package itself nor allowed."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in modules(package)
        for module, line in imported(path)
        if module.split(".")[0] == "muniment"
        and module.split(".")[1] not in allowed | {package.name}
    ]


def test_neither_root_has_an_init_of_its_own() -> None:
    """One there would hide the other root's packages."""
    assert not (SHARED / "__init__.py").exists()
    assert not (SERVICES / "__init__.py").exists()


@pytest.mark.parametrize("root", [SHARED, SERVICES], ids=["shared", "services"])
def test_every_package_has_an_init(root: Path) -> None:
    """A folder without one is a package for some tools and none for others."""
    lacking = [
        str(path.parent.relative_to(ROOT))
        for path in modules(root)
        if path.parent != root and not (path.parent / "__init__.py").exists()
    ]

    assert lacking == []


@pytest.mark.parametrize("root", [SHARED, SERVICES], ids=["shared", "services"])
def test_every_package_says_that_it_is_typed(root: Path) -> None:
    """A marker counts for its own package; a namespace package has no place for a common one."""
    assert [name for name in packages(root) if not (root / name / "py.typed").exists()] == []


def test_the_two_roots_share_no_name() -> None:
    assert set(packages(SHARED)) & set(packages(SERVICES)) == set()


def test_every_shared_package_has_its_arrows() -> None:
    assert set(packages(SHARED)) <= set(SHARED_ARROWS)


@pytest.mark.parametrize("name", sorted(SHARED_ARROWS))
def test_shared_packages_follow_the_arrows(name: str) -> None:
    assert breaches(SHARED / name, SHARED_ARROWS[name]) == []


@pytest.mark.parametrize("name", packages(SERVICES))
def test_a_service_imports_no_other_service(name: str) -> None:
    others = frozenset(packages(SERVICES)) if name in COMPOSING else frozenset[str]()

    assert breaches(SERVICES / name, frozenset(SHARED_ARROWS) | others) == []


def test_the_core_imports_only_what_cannot_do_io() -> None:
    foreign = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in modules(SHARED / "domain")
        for module, line in imported(path)
        if module.split(".")[0] not in CORE_STDLIB | CORE_LIBRARIES | {"muniment"}
        and module not in CORE_MODULES
    ]

    assert foreign == []


def test_the_core_asks_neither_the_clock_nor_chance() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {called}"
        for path in modules(SHARED / "domain")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and (called := name_of(node.func)) in CORE_CALLS_BARRED
    ]

    assert calls == []


def name_of(called: ast.expr) -> str | None:
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return None


def test_what_the_core_may_import_of_the_standard_library_exists() -> None:
    assert sys.stdlib_module_names >= CORE_STDLIB


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("import asyncio", "asyncio"),
        ("from muniment import log", "muniment.log"),
        ("from muniment.log.reader import Reader", "muniment.log.reader"),
        ("def late():\n    import time", "time"),
    ],
)
def test_no_import_hides(tmp_path: Path, statement: str, module: str) -> None:
    """The tests above see what they are there for."""
    path = tmp_path / "module.py"
    path.write_text(statement, encoding="utf-8")

    assert [found for found, _ in imported(path)] == [module]
