"""How a run ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from opsctl.cli.views.errors import error_data
from opsctl.cli.views.lines import BAD, GOOD, STRONG, WARN, count, line
from opsctl.cli.views.plan_words import costs
from opsctl.cli.views.view import View
from opsctl.planning.plan import Plan
from opsctl.running.runner import Report


@dataclass(frozen=True, slots=True)
class ReportView(View):
    """The end of a run, `seconds` after its begin. The error itself goes to standard error."""

    plan: Plan
    report: Report
    seconds: float

    def lines(self) -> Iterable[Text]:
        whole = self.report.error is None
        if self.plan.empty and whole:
            yield line((f"{self.plan.environment}: nothing to change.", GOOD))
            return
        head = f"{self.plan.environment}: {self.plan.title} "
        words = "done" if whole else "stopped"
        done, open_ = len(self.report.done), len(self.report.open)
        steps = count(done, "step") if whole else f"{done} of {count(done + open_, 'step')} done"
        yield line((head, STRONG), (words, GOOD if whole else BAD), f", {steps}, {self._took()}.")
        if whole:
            yield line(f"It cost {costs(self.plan)}.")
            for missed in self.report.missed:
                yield line(("  but ", WARN), missed)
        else:
            titles = {step.id: step.title for step in self.plan.steps}
            for step in self.report.open:
                yield line("  open: ", titles.get(step, step))

    def data(self) -> object:
        return {
            "environment": self.plan.environment,
            "title": self.plan.title,
            "run": self.report.run,
            "changed": bool(self.report.done or self.report.changed),
            "done": list(self.report.done),
            "open": list(self.report.open),
            "missed": list(self.report.missed),
            "seconds": round(self.seconds, 1),
            "error": error_data(self.report.error) if self.report.error else None,
            "exit": int(self.report.exit),
        }

    def _took(self) -> str:
        minutes, seconds = divmod(round(self.seconds, 1), 60)
        return f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:g} s"
