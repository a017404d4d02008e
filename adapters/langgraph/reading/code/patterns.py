"""Reads `match` statements."""

import ast

from adapters.langgraph.reading.code.calls import CallReader
from adapters.langgraph.reading.code.run import Raised, Scope
from adapters.langgraph.reading.code.values import Known, Mapped, Unknown, Value, at, unknown


class PatternReader(CallReader):
    """Reads `match` and its patterns."""

    def _match_statement(self, node: ast.Match, scope: Scope) -> None:
        subject = self.evaluate(node.subject, scope)
        for case in node.cases:
            if self._matches(case.pattern, subject, node, scope) and (
                case.guard is None or self.truth(self.evaluate(case.guard, scope), self.place(case.guard, scope))
            ):
                self.run_body(case.body, scope)
                return

    def _matches(self, pattern: ast.pattern, value: Value, node: ast.AST, scope: Scope) -> bool:
        place = f"{scope.file}:{pattern.lineno}:{pattern.col_offset}"
        match pattern:
            case ast.MatchValue():
                return self.truth(self.equal(value, self.evaluate(pattern.value, scope), node, scope), place)
            case ast.MatchSingleton():
                return self.truth(self.equal(value, Known(pattern.value), node, scope, strictly=True), place)
            case ast.MatchOr():
                return any(self._matches(each, value, node, scope) for each in pattern.patterns)
            case ast.MatchAs():
                if pattern.pattern is not None and not self._matches(pattern.pattern, value, node, scope):
                    return False
                if pattern.name:
                    scope.names[pattern.name] = value
                return True
            case ast.MatchMapping():
                return self._matches_map(pattern, value, node, scope)
            case ast.MatchClass():
                return self._matches_class(pattern, value, node, scope, place)
        return self.truth(unknown(place, value), place)

    def _matches_map(self, pattern: ast.MatchMapping, value: Value, node: ast.AST, scope: Scope) -> bool:
        if not isinstance(value, Mapped):
            self.demand(value.path, "map")
            return isinstance(value, Unknown) and value.kind is None and self.oracle.decide(("map", value.origin))
        for key_node, each in zip(pattern.keys, pattern.patterns, strict=True):
            key = self.evaluate(key_node, scope)
            try:
                held = self.item(value, key, node, scope)
            except Raised:
                wanted = each.value if isinstance(each, ast.MatchValue) else None
                constant = self.evaluate(wanted, scope) if wanted is not None else None
                if value.path is not None and isinstance(key, Known) and isinstance(constant, Known):
                    self.compare_with(at(Known(None), (*value.path, key.value)), constant.value)
                return False
            if not self._matches(each, held, node, scope):
                return False
        if pattern.rest:
            scope.names[pattern.rest] = value
        return True

    def _matches_class(self, pattern: ast.MatchClass, value: Value, node: ast.AST, scope: Scope, place: str) -> bool:
        cls = self.evaluate(pattern.cls, scope)
        if not self.truth(self.is_instance(value, cls, node, scope), place):
            return False
        for inner in pattern.patterns[:1]:
            if not self._matches(inner, value, node, scope):
                return False
        for name, inner in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
            if not self._matches(inner, self.attribute(value, name, node, scope), node, scope):
                return False
        return True
