"""What the product has that a reader may meet: found by importing every module of it."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from prometheus_client import REGISTRY

import storage.errors

PACKAGES = (
    "alerts",
    "cli",
    "configuration",
    "crawler",
    "daemon",
    "demo",
    "matching",
    "network",
    "storage",
    "text",
    "web",
)


def import_everything() -> None:
    """A metric or an error class exists once its module is imported; migrations and programs have none."""
    for package in PACKAGES:
        folder = import_module(package).__path__
        for module in pkgutil.walk_packages(folder, f"{package}."):
            if ".migrations." not in module.name and not module.name.endswith(".__main__"):
                import_module(module.name)


def error_classes() -> Iterator[type[storage.errors.SpillwatchError]]:
    """Every class of the product's error tree, the base included."""
    import_everything()
    waiting = [storage.errors.SpillwatchError]
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        if found.__module__.partition(".")[0] in PACKAGES:
            yield found


def metric_names() -> set[str]:
    """As Prometheus shows them: a counter ends in _total."""
    import_everything()
    ours = (metric for metric in REGISTRY.collect() if metric.name.startswith("spillwatch"))
    return {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in ours}
