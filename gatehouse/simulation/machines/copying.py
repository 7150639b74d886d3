"""States are copied at each of their steps; here that is done without looking twice.

A frozen class sets each of its fields through a guard, and `dataclasses.replace` looks up what the
fields are each time: a quarter of the simulation's time. In a process that runs seeds, a class gets
the `__init__` it would have if it were not frozen, and a copying function of its own. That nobody
changes a frozen state is held where it is not the seeds that run.
"""

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

PACKAGES = ("edge", "rules", "wire")

Copying = Callable[[Any, dict[str, Any]], Any]
_copying: dict[type, Copying] = {}


def make_quick() -> None:
    """Do so with all classes that are loaded, and with whoever copies them."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in PACKAGES:
            continue
        for found in list(vars(module).values()):
            if isinstance(found, type) and found.__module__ == name:
                _thaw(found)
        if getattr(module, "replace", None) is dataclasses.replace:
            module.replace = replace  # type: ignore[attr-defined]


def replace(state: Any, /, **changes: Any) -> Any:
    """Return what `dataclasses.replace` does."""
    kind = type(state)
    copied = _copying.get(kind)
    if copied is None:
        copied = _copying[kind] = _copier(kind)
    return copied(state, changes)


def _thaw(kind: type) -> None:
    parameters = getattr(kind, "__dataclass_params__", None)
    plain = kind.__bases__ == (object,) and "__slots__" in vars(kind)
    if parameters is None or not parameters.frozen or not plain or "__setattr__" not in vars(kind):
        return
    kind.__init__ = _init(kind)  # type: ignore[misc]
    del kind.__setattr__, kind.__delattr__


def _init(kind: type) -> Callable[..., None]:
    given: dict[str, Any] = {"_none": dataclasses.MISSING}
    positional, named, body = ["self"], list[str](), list[str]()
    for field in dataclasses.fields(kind):
        name, taken = field.name, field.name
        if field.default is not dataclasses.MISSING:
            given[f"_default_{name}"] = field.default
            taken = f"{name}=_default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            given[f"_make_{name}"] = field.default_factory
            taken = f"{name}=_none"
            body.append(f"if {name} is _none: {name} = _make_{name}()")
        if field.init:
            (named if field.kw_only else positional).append(taken)
        body.append(f"self.{name} = {name}")
    if hasattr(kind, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join([*positional, *(["*", *named] if named else [])])
    made: Callable[..., None] = _defined("__init__", parameters, body or ["pass"], given)
    return made


def _copier(kind: type) -> Copying:
    guarded = "__setattr__" in vars(kind)
    if guarded or hasattr(kind, "__post_init__") or not hasattr(kind, "__slots__"):
        return lambda state, changes: dataclasses.replace(state, **changes)
    names = [field.name for field in dataclasses.fields(kind)]
    body = ["copy = _new(_kind)", *(f"copy.{name} = state.{name}" for name in names)]
    body += ["for name, value in changes.items(): setattr(copy, name, value)", "return copy"]
    given = {"_new": object.__new__, "_kind": kind}
    made: Copying = _defined("copied", "state, changes", body, given)
    return made


def _defined(name: str, parameters: str, body: list[str], given: dict[str, Any]) -> Any:
    """Return the function of that text, as `dataclasses` makes its own."""
    text = f"def {name}({parameters}):\n" + "\n".join(f"    {line}" for line in body)
    exec(text, given)
    return given[name]
