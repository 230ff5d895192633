"""How the page of a run begins: the best designs for each objective and the knee, against the baseline."""

from __future__ import annotations

from typing import Final

from dovetail.explorer.report import quantities as q
from dovetail.explorer.report.data_run import Goal, Run, best, common, knee, ratio, varying
from dovetail.explorer.report.html import Child, Html, heads, join, number, row, table, tag
from dovetail.explorer.report.page import figures
from dovetail.explorer.report.run_words import word

RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def header(run: Run) -> Html:
    """Whose page it is."""
    goals = ", ".join(f"{'most' if goal.maximize else 'least'} {word(goal.metric)}" for goal in run.goals)
    under = [goals]
    if run.conditions:
        under.append("where " + ", ".join(run.conditions))
    return tag(
        "header",
        tag("p", "Dovetail · exploration", cls="kicker"),
        tag("h1", run.name),
        tag("p", "; ".join(under), cls="under"),
    )


def answer(run: Run) -> Html:
    """The paragraph that answers, the best designs as a table, and how many there were."""
    points = len(run.names)
    if not run.front:
        why = "none of them meets every condition" if points else "none could run"
        tried = points + run.refused
        return tag("section", tag("p", f"Of {q.whole(tried)} designs {why}.", cls="answer"), cls="opening")
    *most, last = [word(goal.metric) for goal in run.goals]
    goals = f"{', '.join(most)} and {last}" if most else last
    if len(run.goals) == 1 and len(run.front) == 1:
        said: list[Child] = [f"Of {_size(run.considered)} designs one is best in {goals}. "]
    else:
        many = f"Of {_size(run.considered)} designs {q.whole(len(run.front))} are worth a look: "
        said = [f"{many}no other is better in {goals} at once. "]
    said += [_superlative(run, goal) for goal in run.goals]
    middle = knee(run)
    if all(middle != best(run, goal) for goal in run.goals):
        said += ["In between, ", _named(run, middle), " gives ", _values(run, middle), "."]
    shown = "proved" if run.exact else "as far as it was searched"
    items = [
        ("Designs", _size(run.considered), "all in the space")
        if run.winners_alone
        else ("Designs", q.whole(points), f"of {_size(run.space_size)}" if run.space_size else "evaluated"),
        ("On the front", q.whole(len(run.front)), shown),
    ]
    if run.refused:
        items.append(("Cannot run", q.whole(run.refused), "left out"))
    if run.conditions:
        items.append(("Meet all conditions", q.whole(int(run.meets.sum())), f"of {q.whole(points)}"))
    stated = common(run)
    rule: Html | None = None
    if stated and len(run.front) > 1:
        listed = ", ".join(f"{name} = {option}" for name, option in list(stated.items())[:6])
        more = f" and {len(stated) - 6} more" if len(stated) > 6 else ""
        rule = tag("p", f"On the whole front: {listed}{more}.", cls="rule")
    return tag(
        "section", tag("p", *said, cls="answer"), rule, _best_table(run), figures(items), cls="opening"
    )


def _size(count: int) -> str:
    if count < 10**7:
        return q.whole(count)
    mantissa, _, power = f"{count:.2e}".partition("e+")
    return f"{mantissa} × 10{str(int(power)).translate(RAISED)}"


def _superlative(run: Run, goal: Goal) -> Html:
    point = best(run, goal)
    value = q.metric(float(run.column(goal.metric)[point]), run.units.get(goal.metric, ""))
    gain = ratio(run, point, goal)
    words = f"{'Most' if goal.maximize else 'Least'} {word(goal.metric)}: "
    against = f" ({q.times(gain)} better than the baseline)" if gain and gain > 1.005 else ""
    return join(words, tag("strong", value), f"{against}, by ", _named(run, point), ". ")


def _named(run: Run, point: int) -> Html:
    """A design by the choices in which the front differs, the first few of them."""
    own = run.choices(point)
    differing = [run.axes[i].name for i in varying(run)]
    shown = [f"{_short(name)} {own[name]}" for name in differing if name in own][:3]
    label = ", ".join(shown) or f"design {run.names[point]}"
    return tag("a", label, href=f"#design-{run.names[point]}", data_pick=run.front.index(point))


def _short(name: str) -> str:
    return "" if name in ("network", "accelerator", "dataflow") else name


def _values(run: Run, point: int) -> str:
    texts = []
    for goal in run.goals:
        text = q.metric(float(run.column(goal.metric)[point]), run.units.get(goal.metric, ""))
        gain = ratio(run, point, goal)
        texts.append(
            f"{text} {word(goal.metric)}" + (f" ({q.times(gain)} better)" if gain and gain > 1.005 else "")
        )
    return " and ".join(texts)


def _best_table(run: Run) -> Html:
    rows: list[tuple[str, int]] = [
        (f"{'most' if goal.maximize else 'least'} {word(goal.metric)}", best(run, goal)) for goal in run.goals
    ]
    rows.append(("knee", knee(run)))
    differing = varying(run)[:4]
    names = (
        "Best",
        *(f"{word(g.metric).capitalize()}>" for g in run.goals),
        *(run.axes[i].name for i in differing),
    )
    written = []
    for name, point in rows:
        cells = [_goal_cell(run, point, goal) for goal in run.goals]
        own = run.choices(point)
        cells += [tag("td", own.get(run.axes[i].name, "–")) for i in differing]
        link = tag("a", name, href=f"#design-{run.names[point]}", data_pick=run.front.index(point))
        written.append(row(link, *cells, labels=names))
    if run.baseline is not None:
        base = run.baseline
        cells = [
            number(
                q.metric(base.metrics[g.metric], run.units.get(g.metric, ""))
                if g.metric in base.metrics
                else "–"
            )
            for g in run.goals
        ]
        written.append(
            row(
                join("baseline ", tag("small", f"{base.name}, 1×")),
                *cells,
                *(tag("td") for _ in differing),
                labels=names,
                cls="quiet",
            )
        )
    return table(heads(*names), written, "The best designs", cls="bests stack inline")


def _goal_cell(run: Run, point: int, goal: Goal) -> Html:
    text = q.metric(float(run.column(goal.metric)[point]), run.units.get(goal.metric, ""))
    gain = ratio(run, point, goal)
    return number(join(text, tag("small", f" {q.times(gain)}") if gain else None))
