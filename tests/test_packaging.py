"""What is installed is what is here: an unlisted package would silently be missing from the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("dsl", "accel", "costmodel", "explorer")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = SETTINGS["tool"]["setuptools"]


def packages_here() -> set[str]:
    found = {"dovetail"}
    for init in (ROOT / "dovetail").glob("*/__init__.py"):
        if not init.parent.is_symlink():
            found.add(f"dovetail.{init.parent.name}")
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add("dovetail." + ".".join(init.parent.relative_to(ROOT).parts))
    return found


def test_every_package_is_listed() -> None:
    assert set(SETUPTOOLS["packages"]) == packages_here()


def test_every_package_is_mapped_to_its_folder() -> None:
    for package, folder in SETUPTOOLS["package-dir"].items():
        path = package.replace(".", "/")
        own = not (ROOT / "dovetail" / path.split("/")[1 if "/" in path else 0]).is_symlink()
        assert folder == (path if own else path.removeprefix("dovetail/"))
        assert (ROOT / folder / "__init__.py").is_file()
    assert set(SETUPTOOLS["package-dir"]) == set(SETUPTOOLS["packages"])


def test_the_links_of_a_checkout_lead_to_the_folders() -> None:
    for folder in FOLDERS:
        link = ROOT / "dovetail" / folder
        assert link.is_symlink()
        assert link.readlink() == Path("..") / folder


def test_every_data_file_is_packed() -> None:
    packed = {
        path
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in (ROOT / SETUPTOOLS["package-dir"][package]).glob(pattern)
    }
    packed |= {ROOT / source for module in SETUPTOOLS["ext-modules"] for source in module["sources"]}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            built = path.suffix in (".so", ".pyd") or "__pycache__" in path.parts
            if path.is_file() and path.suffix != ".py" and not built:
                assert path in packed, path


def test_the_version_is_said_once() -> None:
    import dovetail

    assert SETTINGS["project"]["version"] == dovetail.__version__
