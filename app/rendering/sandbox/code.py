"""The code that Jinja makes of a template, with the counting put in."""

from collections.abc import Iterable

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, operators


class CountedCode(CodeGenerator):
    """Code whose every block counts its expressions as it begins, so that no loop or recursion goes uncounted."""

    def blockvisit(self, nodes_: Iterable[nodes.Node], frame: Frame) -> None:
        """The block, behind its count."""
        body = list(nodes_)
        steps = 1 + sum(1 for node in body for _ in node.find_all(nodes.Expr))
        self.writeline(f"environment.meter.spend({steps})")
        super().blockvisit(body, frame)

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802  # Jinja's name, as all below
        """A loop; what its condition passes over is counted too."""
        if node.test is not None:
            if node.recursive:
                self.fail("a recursive loop cannot have a condition; put an if into it", node.lineno)
            counted = nodes.EnvironmentAttribute("counted")
            node.iter = nodes.Call(counted, [node.iter], [], None, None, lineno=node.lineno)
        super().visit_For(node, frame)

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:  # noqa: N802
        """A comparison, which looks at all of both sides."""
        self.write("(")
        self._weighed(node.expr, frame)
        for operand in node.ops:
            self.write(f" {operators[operand.op]} ")
            self._weighed(operand.expr, frame)
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        """Texts in a row, counted before they are one."""
        self._weighed(nodes.Call(nodes.EnvironmentAttribute("chain"), node.nodes, [], None, None), frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        """One of several; a slice is a copy."""
        if isinstance(node.arg, nodes.Slice):
            self.write("environment.meter.weigh(")
            super().visit_Getitem(node, frame)
            self.write(")")
        else:
            super().visit_Getitem(node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:  # noqa: N802
        """A list: Python's hash of tuples in tuples in tuples ends the whole process."""
        if node.ctx == "load":
            self.visit(nodes.List(node.items, lineno=node.lineno), frame)
        else:
            super().visit_Tuple(node, frame)

    def visit_EvalContextModifier(self, node: nodes.EvalContextModifier, frame: Frame) -> None:  # noqa: N802
        """Nothing turns the escaping off."""
        del frame
        self.fail("autoescape cannot be changed", node.lineno)

    def visit_ScopedEvalContextModifier(  # noqa: N802
        self, node: nodes.ScopedEvalContextModifier, frame: Frame
    ) -> None:
        """Nothing turns the escaping off."""
        self.visit_EvalContextModifier(node, frame)

    def _weighed(self, node: nodes.Node, frame: Frame) -> None:
        if isinstance(node, nodes.Const):
            self.visit(node, frame)
            return
        self.write("environment.meter.weigh(")
        self.visit(node, frame)
        self.write(")")
