"""Work that somebody else does or left undone: shown before everything else."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from opsctl.cli.views.lines import DIM, STRONG, WARN, ago, count, line
from opsctl.planning.observation import Holder, Unfinished


def unfinished_lines(
    work: Unfinished, holder: Holder | None, now: float, flags: str
) -> Iterator[Text]:
    """A run that never ended, and the commands to go on or back; or one that is still going.

    `flags` are the options of the commands that say which spec is meant.
    """
    running = holder is not None and holder.expires > now
    state = "under way" if running else "unfinished"
    what = "An apply" if _applies(work) else f"{work.words[:1].upper()}{work.words[1:]}"
    head = f"{what} is {state}: {work.who} began it {ago(now - work.began)} ago"
    yield line((head, f"bold {WARN}"), (f" (run {work.run}, revision {work.revision})", DIM))
    total = len(work.done) + len(work.open)
    at = f", the next is {work.open[0]}" if work.open else ""
    yield line(f"  {len(work.done)} of {count(total, 'step')} done{at}")
    renewed = [step.partition("/")[2] for step in work.done if step.startswith("member/")]
    if renewed:
        yield line(f"  changed already: {', '.join(renewed)}")
    on, back = _commands(flags)
    if not running and _applies(work):
        yield line(("  go on: ", "cyan"), on, ("   back: ", "cyan"), back)
    elif not running:
        yield line(
            ("  put right what it left: ", "cyan"), on, ("   once more: ", "cyan"), "say it again"
        )
    yield Text()


def holder_lines(holder: Holder, now: float) -> Iterator[Text]:
    """Who holds the lock, for how long, and when it ends by itself."""
    since = f" for {ago(now - holder.since)}"
    yield line(("Held by ", f"bold {WARN}"), (holder.holder, STRONG), since)
    left = holder.expires - now
    yield line(
        f"  renewed while it works; without that it ends in {ago(left)}"
        if left > 0
        else f"  it ended {ago(-left)} ago: the next one may take it"
    )
    yield Text()


def unfinished_data(work: Unfinished | None, flags: str) -> object:
    """The same for programs."""
    if work is None:
        return None
    on, back = _commands(flags)
    return {
        "run": work.run,
        "words": work.words,
        "who": work.who,
        "began": work.began,
        "revision": work.revision,
        "done": list(work.done),
        "open": list(work.open),
        "resume": on,
        "back": back,
    }


def holder_data(holder: Holder | None) -> object:
    """The same for programs."""
    if holder is None:
        return None
    return {"holder": holder.holder, "since": holder.since, "expires": holder.expires}


def _applies(work: Unfinished) -> bool:
    """A restore or a drill is begun anew by its own command; an apply never finishes it."""
    return work.words == "apply"


def _commands(flags: str) -> tuple[str, str]:
    return f"opsctl apply --resume {flags}".rstrip(), f"opsctl rollback {flags}".rstrip()
