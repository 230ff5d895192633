"""Our optimum against the mappings that other tools found, on their architectures and prices.

    python benchmarks/against.py DIR [--limit N] [--time SECONDS] [--free] [--only TEXT] [--write PAGE]

A line a layer: the energy-delay product of their mapping by their own model and by ours, that of our best
mapping by ours under the same constraints (`--free`: under none), the ratio, our time, and whether ours is
proved. Exit status 1 where ours is worse than theirs by our model. `--write docs/mapper.md` puts the table
between the marks of that page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

from rivals import Rival, Unreadable, rivals

from dovetail.accel.legality import violations
from dovetail.costmodel.evaluate import evaluate_mapping
from dovetail.costmodel.greedy import NoMapping as NoGreedy
from dovetail.costmodel.greedy import greedy_mapping
from dovetail.costmodel.mapper import MapResult, NoMapping, map_problem

SAME = 1e-9
EQUAL = 1e-6
"""accelforge's numbers carry the noise of single precision."""
BEGIN, END = "<!-- against: begin -->", "<!-- against: end -->"


@dataclass(frozen=True)
class Line:
    rival: Rival
    energy_pj: float
    """Of their mapping by our model, like `cycles`."""
    cycles: int
    ours: MapResult | None
    seconds: float

    @property
    def theirs(self) -> float:
        return self.energy_pj * self.cycles

    @property
    def ratio(self) -> float:
        return self.ours.value / self.theirs if self.ours is not None else float("inf")

    @property
    def worse(self) -> bool:
        return not self.ratio <= 1 + SAME

    @property
    def notes(self) -> str:
        """What they define otherwise, where the numbers show it."""
        notes = []
        energy, cycles = self.rival.differs
        if abs(self.energy_pj / self.rival.energy_pj - 1) > EQUAL and energy:
            notes.append(f"energy {self.energy_pj / self.rival.energy_pj - 1:+.1%}: {energy}")
        if abs(self.cycles - self.rival.cycles) > max(1, EQUAL * self.cycles) and cycles:
            notes.append(f"cycles {self.cycles / self.rival.cycles - 1:+.1%}: {cycles}")
        return "; ".join(notes)


def compare(rival: Rival, seconds: float | None, *, free: bool = False) -> Line:
    """Their mapping by our model, and our best without a look at theirs."""
    architecture, flow = rival.architecture, rival.dataflow
    if free:
        architecture, flow = replace(architecture, dataflows=()), None
    cost = evaluate_mapping(rival.problem, rival.architecture, rival.mapping, rival.prices)
    dataflow = next(iter(architecture.dataflows), None)
    begun = process_time()
    try:
        start = [greedy_mapping(rival.problem, architecture, dataflow, rival.prices)]
    except NoGreedy:
        start = []
    try:
        ours = map_problem(
            rival.problem,
            architecture,
            rival.prices,
            "edp",
            flow,
            uneven=rival.uneven,
            seconds=seconds,
            cached=False,
            start=start,
        )
    except NoMapping:
        ours = None
    return Line(rival, cost.energy_pj, cost.cycles, ours, process_time() - begun)


def lines(
    folder: Path, limit: int | None, seconds: float | None, only: str, *, free: bool
) -> tuple[list[Line], list[Unreadable]]:
    found: list[Line] = []
    missing: list[Unreadable] = []
    of_file: dict[str, int] = {}
    print(
        f"{'tool':<11}{'architecture':<16}{'layer':<54}"
        f"{'theirs':>10}{'by us':>10}{'ours':>10}{'ratio':>8}{'s':>8}"
    )
    for rival in rivals(folder):
        of_file[rival.file] = of_file.get(rival.file, 0) + 1
        if only not in f"{rival.tool} {rival.file} {rival.layer}":
            continue
        if limit is not None and of_file[rival.file] > limit:
            continue
        if isinstance(rival, Unreadable):
            missing.append(rival)
            print(f"{rival.tool:<11}{'':<16}{rival.layer:<54}not read: {rival.reason}")
            continue
        wrong = violations(rival.problem, rival.architecture, rival.mapping)
        if wrong:
            missing.append(Unreadable(rival.tool, rival.file, rival.layer, wrong[0].message()))
            print(f"{rival.tool:<11}{'':<16}{rival.layer:<54}not read: {wrong[0].message()}")
            continue
        line = compare(rival, seconds, free=free)
        found.append(line)
        print(text(line), flush=True)
    return found, missing


def text(line: Line) -> str:
    rival = line.rival
    ours = f"{line.ours.value:.4g}" if line.ours is not None else "none"
    proof = "WORSE" if line.worse else "proved" if line.ours is not None and line.ours.proved else gap(line)
    return (
        f"{rival.tool:<11}{rival.architecture.name:<16}{rival.layer:<54}"
        f"{rival.energy_pj * rival.cycles:>10.4g}{line.theirs:>10.4g}{ours:>10}{line.ratio:>8.3f}"
        f"{line.seconds:>8.2f}  {proof}{'  ' + line.notes if line.notes else ''}"
    )


def gap(line: Line) -> str:
    return f"within {line.ours.gap:.0%}" if line.ours is not None else "nothing found"


def page(found: Sequence[Line], missing: Sequence[Unreadable]) -> str:
    """The table as Markdown, without anything that depends on the machine or the day."""
    rows = [
        "| tool | architecture | layer | theirs | theirs by us | ours | ours / theirs | proved |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    notes: dict[str, str] = {}
    for line in found:
        rival = line.rival
        for note in line.notes.split("; ") if line.notes else ():
            notes.setdefault(note.partition(": ")[2], rival.tool)
        ours = line.ours
        rows.append(
            f"| {rival.tool} | {rival.architecture.name} | {rival.layer.replace('_', ' ')} "
            f"| {rival.energy_pj * rival.cycles:.4g} | {line.theirs:.4g} "
            f"| {f'{ours.value:.4g}' if ours else 'none'} | {line.ratio:.3f} "
            f"| {'yes' if ours and ours.proved else gap(line)} |"
        )
    rows += ["", "Energy-delay products in pJ x cycles. Where theirs and theirs by us differ:", ""]
    rows += [f"- {tool} {note}" for note, tool in notes.items()]
    if missing:
        rows += ["", "Not compared:", ""]
        reasons: dict[tuple[str, str], list[str]] = {}
        for one in missing:
            reasons.setdefault((one.tool, one.reason), []).append(one.layer)
        rows += [f"- {tool} {', '.join(layers)}: {reason}" for (tool, reason), layers in reasons.items()]
    return "\n".join(rows)


def write(path: Path, table: str) -> None:
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no `{BEGIN}` and `{END}`")
    path.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--limit", type=int, help="only the first layers of each file")
    parser.add_argument("--time", type=float, help="seconds a layer (none: until proved)")
    parser.add_argument("--only", default="", metavar="TEXT", help="tool, file and layer contain this")
    parser.add_argument("--free", action="store_true", help="without the rival's constraints")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table between its marks")
    given = parser.parse_args(arguments)
    found, missing = lines(given.folder, given.limit, given.time, given.only, free=given.free)
    if not found:
        print(f"no record of Timeloop's mapper, accelforge or ZigZag under {given.folder}", file=sys.stderr)
        return 2
    worse = sum(line.worse for line in found)
    proved = sum(line.ours is not None and line.ours.proved for line in found)
    better = sum(line.ratio < 1 - EQUAL for line in found)
    print(
        f"{len(found)} layers: ours better on {better}, worse on {worse}; {proved} proved; "
        f"{len(missing)} records not compared; {sum(line.seconds for line in found):.1f} s of CPU"
    )
    if given.write is not None:
        write(given.write, page(found, missing))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
