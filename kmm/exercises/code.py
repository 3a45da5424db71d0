"""Submissions that are code: a design, or one function of the model.

What is judged is a kernel with that code in it.  A design is an answer to a question,
so a kernel gets it as it gets any other.  A function takes the place of the model's,
in every module that calls it, for as long as it is judged.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pkgutil import resolve_name
from types import FunctionType
from typing import Any, NewType

from attrs import evolve, frozen

from ..designs import QUESTIONS, Answer, KernelSpec, parse_kernel
from ..scenarios import Race, find_race
from ..scenarios.found import EXERCISE, race_in
from .exercise import Complaint, Exercise
from .load import Rounds, load
from .vet import Vetted, vet

# What a NewType has of itself.
OF_NEWTYPE = {"__name__", "__qualname__", "__module__", "__supertype__"}
YOURS = "yours"  # what the answer of a submission is called


class WrongInterface(Complaint):
    """A submission does not have the functions that it is to have."""


# Steps of one run.  The longest of any exercise has some hundred.
MOST_STEPS = 3_000


@frozen
class Submission:
    """Code that can be judged."""

    exercise: Exercise
    functions: dict[str, FunctionType]
    answer: Answer | None  # of a design
    rounds: Rounds
    imported: dict[str, Any]  # what its imports mean

    def check_memory(self) -> None:
        """It may not keep anything from one run to the next.  Raises Complaint.

        A search takes for granted that the same steps lead to the same place.
        """
        for name, value in (*self.functions.items(), *self.imported.items()):
            kept = getattr(value, "__dict__", {})
            if isinstance(value, FunctionType | NewType) and set(kept) - OF_NEWTYPE:
                raise Complaint(f"{name} keeps something from one run to the next")

    def kernel(self, text: str) -> KernelSpec:
        """A kernel by its text, with the submission's answer if it is one."""
        spec = parse_kernel(text)
        if self.answer is None:
            return spec
        question = self.answer.question
        replaced = tuple(sorted({*spec.replaced, question}))
        changes: dict[str, Any] = {question.replace("-", "_"): self.answer}
        return evolve(spec, replaced=replaced, **changes)

    @property
    def base(self) -> str:
        """`question=answer` of what a design replaces; "" if it is none."""
        if self.answer is None or self.answer.base is None:
            return ""
        return f"{self.answer.question}={self.answer.base.name}"

    def race(self, name: str) -> Race:
        """A race in whose every run the submission's loops are counted anew."""
        race, rounds = race_for(self.exercise, name), self.rounds

        def set_up(spec: KernelSpec, config: Any) -> Any:
            scene = race.set_up(spec, config)

            def threads() -> Any:
                rounds.reset()
                return scene.threads()

            return evolve(scene, threads=threads, max_steps=MOST_STEPS)

        return evolve(race, set_up=set_up)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The model with the submission's function in place of its own."""
        if self.answer is not None:
            yield
            return
        path = self.exercise.settings["function"]
        old = resolve_name(path)
        new = self.functions[path.rpartition(".")[2]]
        places = callers(old)
        for module in places:
            setattr(module, old.__name__, new)
        try:
            yield
        finally:
            for module in places:
                setattr(module, old.__name__, old)


def race_for(exercise: Exercise, name: str) -> Race:
    """A race by its name; an exercise's own are in its folder, wherever that is."""
    own = None
    if name.startswith(EXERCISE + exercise.name):
        own = race_in((exercise.folder.parent,), name.removeprefix(EXERCISE))
    return own or find_race(name)


def submission(text: str, exercise: Exercise) -> Submission:
    """Vetted, loaded, and of the right form.  Raises Refused, WrongInterface."""
    vetted = vet(text, partial(has_the_answer, exercise))
    rounds = Rounds()
    functions = load(vetted, exercise.file, rounds)
    if exercise.kind == "design":
        answer = answer_of(vetted, functions, exercise)
        return Submission(exercise, functions, answer, rounds, vetted.imported)
    path = exercise.settings["function"]
    same_interface(functions, path.rpartition(".")[2], resolve_name(path))
    return Submission(exercise, functions, None, rounds, vetted.imported)


def has_the_answer(exercise: Exercise, module: str, name: str) -> bool:
    """Whether an import would be the model's own answer to the exercise.

    That is the function to be written, and designs other than those that the exercise
    names, if it names any (`designs`, a list of modules).
    """
    if f"{module}.{name}" == exercise.settings.get("function"):
        return True
    designs = exercise.settings.get("designs")
    of_designs = f"{module}.".startswith("kmm.designs.")
    return designs is not None and of_designs and module not in designs


def answer_of(
    vetted: Vetted, functions: dict[str, FunctionType], exercise: Exercise
) -> Answer:
    """The exercise's base answer, with the functions of the submission's record.

    Raises WrongInterface.
    """
    question = exercise.settings["question"]
    base = QUESTIONS[question][exercise.settings["base"]]
    theirs = base.functions()
    if not vetted.record:
        raise WrongInterface(
            f"no record: end with `ANSWER = evolve({base.name.upper()}, ...)`"
        )
    for name, own in vetted.record.items():
        if name not in theirs:
            raise WrongInterface(
                f"{name} is no function of {question}; it has {', '.join(theirs)}"
            )
        same_interface(functions, own, theirs[name])
    changes: dict[str, Any] = {
        name: functions[own] for name, own in vetted.record.items()
    }
    return evolve(base, name=YOURS, title="yours", tag="", base=base, **changes)


def same_interface(
    functions: dict[str, FunctionType], name: str, model: FunctionType
) -> None:
    """The same parameters, and a coroutine where the model's is.

    Raises WrongInterface.
    """
    own = functions.get(name)
    if own is None:
        raise WrongInterface(f"there is no function {name}")
    wanted = list(inspect.signature(model).parameters)
    found = list(inspect.signature(own).parameters)
    if found != wanted:
        raise WrongInterface(
            f"you changed the interface: {name}({', '.join(found)}) should be "
            f"{name}({', '.join(wanted)})"
        )
    if inspect.iscoroutinefunction(own) != inspect.iscoroutinefunction(model):
        word = "async def" if inspect.iscoroutinefunction(model) else "def"
        raise WrongInterface(f"you changed the interface: {name} should be a `{word}`")


def callers(function: FunctionType) -> list[Any]:
    """The modules of kmm that know a function by its name."""
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.startswith("kmm.")
        and getattr(module, function.__name__, None) is function
    ]
