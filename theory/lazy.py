"""Lazy package exports: a name is imported from its module at first use, so that ``signescape --help`` stays quick."""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["exports"]


def exports(package: str, modules: dict[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__, __dir__, __all__`` of a package whose public names stand in ``modules`` (module: "name name …").

    A public name means the same whatever was imported before: a submodule of that name does not replace it.
    """
    home = {name: module for module, names in modules.items() for name in names.split()}

    class Package(ModuleType):
        def __setattr__(self, name: str, value: Any) -> None:
            if not (name in home and isinstance(value, ModuleType)):  # the import system binds every submodule
                super().__setattr__(name, value)

    sys.modules[package].__class__ = Package

    def get(name: str) -> Any:
        if name in home:
            value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
            setattr(sys.modules[package], name, value)
            return value
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: sorted(home), sorted(home)
