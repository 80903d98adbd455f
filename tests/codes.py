"""Every code that the product can give, read from its sources: of problems, and of the entries of their `errors`."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import adapters
import application
import domain
import entrypoints
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import ExtractionReason
from domain.shared.errors import FastOpsError, Kind
from entrypoints.http.early_refusals import EARLY_REFUSALS
from entrypoints.http.edge import HTTPS_REQUIRED, MISDIRECTED
from entrypoints.http.problems import HTTP_REFUSALS, INTERNAL, STATUS
from entrypoints.http.violations import OTHER, WORDINGS

LAYERS = (domain, application, adapters, entrypoints)

ROOT = Path(__file__).parents[1]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
END = ast.Pass()
SPEAK_OF_CLASSES = {"isinstance", "issubclass"}

HTTP_CODES: Mapping[str, int] = {
    INTERNAL[0]: 500,
    **{code: status for status, (code, _) in HTTP_REFUSALS.items()},
    **{problem.code: problem.status for problem in (*EARLY_REFUSALS, HTTPS_REQUIRED, MISDIRECTED)},
}
"""Codes that only HTTP gives, with their statuses; some errors may carry them too."""

UNREACHABLE: Mapping[str, str] = {}
"""Codes that no test can bring about, and why."""


@cache
def modules() -> tuple[ModuleType, ...]:
    return tuple(
        import_module(found.name)
        for layer in LAYERS
        for found in walk_packages(layer.__path__, f"{layer.__name__}.")
        if not found.name.endswith((".main", "__main__"))
    )


def error_classes(of: type[FastOpsError] = FastOpsError) -> Iterator[type[FastOpsError]]:
    """The errors of the product, without those that tests define."""
    modules()
    for child in of.__subclasses__():
        if child.__module__.partition(".")[0] in {layer.__name__ for layer in LAYERS}:
            yield child
        yield from error_classes(child)


@dataclass(frozen=True, slots=True)
class Given:
    """Where in the sources a code is given, and with which statuses of HTTP."""

    places: frozenset[str]
    statuses: frozenset[int]


@cache
def problem_codes() -> Mapping[str, Given]:
    """Each code that a problem, a command, or a failed document or job can carry."""
    found = {(code, "entrypoints/http", status) for code, status in HTTP_CODES.items()}
    for place, error, codes in _errors():
        found |= {(code, place, STATUS[error.kind]) for code in codes}
    for source in _sources():
        for call in source.calls:
            given = argument(call, 1, "code")
            if _name(call.func) == "fail" and isinstance(given, ast.Constant):
                found.add((str(given.value), source.place(call), STATUS[Kind.INVALID]))
    return {
        code: Given(
            places=frozenset(place for other, place, _ in found if other == code),
            statuses=frozenset(status for other, _, status in found if other == code),
        )
        for code, _, _ in found
    }


def _errors() -> Iterator[tuple[str, type[FastOpsError], set[str]]]:
    """Each place that gives an error, its class, and the codes that it can have there."""
    classes = {error.__name__: error for error in error_classes()}
    for source in _sources():
        for call in source.calls:
            error = classes.get(_name(call.func))
            if error is ExtractionFailed:
                yield source.place(call), error, {reason.value for reason in ExtractionReason}
            elif error is not None and error.__init__ is not FastOpsError.__init__:
                yield source.place(call), error, {error.default_code}
            elif error is not None and (given := argument(call, 0, "code")) is not None:
                yield source.place(call), error, source.texts(given)
        for name in source.names:
            if name.id in classes and source.gives_as_it_is(name):
                yield source.place(name), classes[name.id], {classes[name.id].default_code}


@cache
def violation_codes() -> Mapping[str, str]:
    """Each code that an entry of `errors` can carry, and a place that gives it."""
    codes = dict.fromkeys((code for code, _ in [*WORDINGS.values(), OTHER]), "entrypoints/http/violations.py")
    for source in _sources():
        if source.module.__name__ != "entrypoints.http.violations":
            for call in source.calls:
                if _name(call.func) == "Violation" and (given := argument(call, 1, "code")) is not None:
                    codes |= dict.fromkeys(source.texts(given), source.place(call))
    return codes


class Source:
    """One module as a tree in which every node knows what it stands in."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self._path = Path(str(module.__file__))
        nodes = list(ast.walk(ast.parse(self._path.read_text("utf-8"))))
        self.calls = [node for node in nodes if isinstance(node, ast.Call)]
        self.names = [node for node in nodes if isinstance(node, ast.Name)]
        self._around = {child: node for node in nodes for child in ast.iter_child_nodes(node)}

    def place(self, node: ast.expr) -> str:
        return f"{self._path.relative_to(ROOT)}:{node.lineno}"

    def texts(self, node: ast.expr) -> set[str]:
        """All values that an expression can have. Raises AssertionError where the source does not show them."""
        if isinstance(node, ast.IfExp):
            return self.texts(node.body) | self.texts(node.orelse)
        function = self._function_around(node)
        if isinstance(node, ast.Name) and function is not None:
            return set().union(*map(self.texts, self._origins(node.id, function)))
        try:
            value = eval(ast.unparse(node), dict(vars(self.module)))
        except NameError:
            value = None
        assert isinstance(value, str), f"{self.place(node)}: write the code so that it can be found"
        return {str(value)}

    def gives_as_it_is(self, name: ast.Name) -> bool:
        """Whether this names a class in order to give it with its own code, not to catch, test or derive from it."""
        node: ast.AST = name
        while not isinstance(around := self._around[node], ast.stmt | ast.ExceptHandler):
            if isinstance(around, ast.arg | ast.arguments) or _name(getattr(around, "func", None)) in SPEAK_OF_CLASSES:
                return False
            node = around
        if isinstance(around, ast.ExceptHandler | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        if isinstance(around, ast.AnnAssign) and around.annotation is node:
            return False
        call = self._around[name]
        return not (isinstance(call, ast.Call) and call.func is name and argument(call, 0, "code") is not None)

    def _origins(self, name: str, function: FunctionNode) -> Iterator[ast.expr]:
        """The expressions that a local name stands for: what is assigned to it, or what callers here give for it."""
        parameters = [parameter.arg for parameter in function.args.args]
        if name in parameters:
            place = parameters.index(name) - (parameters[0] == "self")
            given = [argument(call, place, name) for call in self.calls if _name(call.func) == function.name]
        else:
            given = [
                node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and name in {_name(target) for target in node.targets}
            ]
        assert given, f"{self._path}: where does {name} come from?"
        yield from (node for node in given if node is not None)

    def _function_around(self, node: ast.AST) -> FunctionNode | None:
        while (node := self._around.get(node, END)) is not END:
            if isinstance(node, FunctionNode):
                return node
        return None


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    """What a call gives for a parameter, by its place or its name."""
    if len(call.args) > place:
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


@cache
def _sources() -> tuple[Source, ...]:
    return tuple(map(Source, modules()))


def _name(node: ast.AST | None) -> str:
    return getattr(node, "id", None) or getattr(node, "attr", "")
