"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const tip = document.getElementById("tip");

  // ---------------------------------------------------------------- words at what is pointed at or focused
  let told = null;
  const tell = (element, x, y) => {
    const of = element.parentElement?.dataset?.of;
    const layer = of && element.closest("tr").querySelector("th a").textContent;
    const words = of ? `${layer}\n${element.dataset.tip} of the layer's ${of}` : element.dataset.tip;
    if (!words) return;
    told = element;
    tip.textContent = words;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = x + 14 + box.width > innerWidth - 8 ? x - box.width - 14 : x + 14;
    const top = y + 14 + box.height > innerHeight - 8 ? y - box.height - 14 : y + 14;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, top)}px`;
  };
  const hush = () => { tip.hidden = true; told = null; };
  document.addEventListener("pointermove", (event) => {
    const element = event.target.closest?.("[data-tip]");
    if (element) tell(element, event.clientX, event.clientY);
    else if (told && told !== document.activeElement && !event.target.closest?.(".pareto .plot")) hush();
  });
  document.addEventListener("pointerleave", hush);
  document.addEventListener("focusin", (event) => {
    const element = event.target.closest?.("[data-tip]");
    if (!element || !element.matches(":focus-visible")) return hush();
    const box = element.getBoundingClientRect();
    tell(element, box.right - 8, box.bottom - 8);
  });
  document.addEventListener("focusout", hush);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });

  // ------------------------------------------------------- one tab stop a chart, arrow keys within the chart
  for (const group of all("[data-roving]")) {
    const place = (element) => { const b = element.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; };
    const items = all("[tabindex]", group).map((e) => [place(e)[0], e]).sort((a, b) => a[0] - b[0]).map(([, e]) => e);
    if (!items.length) continue;
    items[0].tabIndex = 0;
    group.addEventListener("keydown", (event) => {
      const at = items.indexOf(event.target);
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      const next = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1 : step && (at + step + items.length) % items.length;
      if (at < 0 || next === undefined || next === 0 && !step && event.key !== "Home") return;
      event.preventDefault();
      items[at].tabIndex = -1;
      items[next].tabIndex = 0;
      items[next].focus();
    });
  }

  // --------------------------------------------------------------------------------------- orders of layers
  for (const bar of all(".sort")) {
    const body = bar.parentElement.querySelector("table.layers tbody");
    const rows = all("tr", body);
    bar.hidden = false;
    bar.addEventListener("click", (event) => {
      const key = event.target.dataset?.sort;
      if (!key) return;
      for (const button of all("button", bar)) button.setAttribute("aria-pressed", String(button === event.target));
      const order = key === "order" ? rows : [...rows].sort((a, b) => b.dataset[key] - a.dataset[key]);
      body.append(...order);
    });
  }

  // ----------------------------------------------------------------------------------- designs of a run
  const embedded = document.getElementById("data");
  if (embedded) {
    const data = JSON.parse(embedded.textContent);
    const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];
    const digits = (value) => {
      if (!value) return "0";
      const rounded = Number(value.toPrecision(3));
      const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
      return rounded.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }).replaceAll(",", "\u202f").replace("-", "\u2212");
    };
    const withUnit = (value, metric) => {
      if (metric.unit === "%") return `${digits(100 * value)}\u202f%`;
      const amount = value * metric.factor;
      if (!metric.prefixed && Math.abs(amount) < 1e5) return digits(amount) + (metric.unit && `\u202f${metric.unit}`);
      const [factor, prefix] = PREFIXES.find(([f]) => Math.abs(Number(amount.toPrecision(3))) >= f) ?? PREFIXES.at(-1);
      return `${digits(amount / factor)}\u202f${prefix}${metric.unit}`.trim();
    };
    const metrics = (points, i) => data.metrics.map((metric, m) => [metric, withUnit(points.values[m][i], metric)]);
    const choices = (points, i, which) => (which ?? data.choices.map((_, c) => c))
      .filter((c) => points.picks[c][i] !== data.notMade).map((c) => [data.choices[c].name, data.choices[c].options[points.picks[c][i]]]);
    const told = (points, i) => [`design ${points.name[i]}`,
      ...metrics(points, i).filter(([m]) => data.goals.includes(m.name)).map(([m, text]) => `${m.word}: ${text}`),
      ...choices(points, i, data.varying).slice(0, 8).map(([name, option]) => `${name}: ${option}`)].join("\n");
    const known = (element) => element.dataset.front !== undefined && Number(element.dataset.front) < data.front.name.length;
    for (const element of all("[data-front]")) if (known(element)) element.dataset.tip = "";

    const same = (i) => all(`[data-front="${i}"]`);
    const pick = document.getElementById("pick");
    let picked = -1;
    const make = (name, ...children) => { const e = document.createElement(name); e.append(...children); return e; };
    const list = (pairs) => make("dl", ...pairs.map(([name, text]) => make("div", make("dt", name), make("dd", text))));
    const choose = (i, scroll) => {
      for (const e of all(".picked")) e.classList.remove("picked");
      picked = i;
      for (const e of same(i)) { e.classList.add("picked"); e.parentElement.append(e); }
      const name = data.front.name[i];
      document.getElementById(`design-${name}`)?.classList.add("picked");
      const parts = [make("h3", `Design ${name}`), list(choices(data.front, i)), list(metrics(data.front, i).map(([m, text]) => [m.word, text]))];
      if (data.full[i]) {
        const link = make("a", "Layer by layer, with its mappings and its energy");
        link.href = `#d${name}-design`;
        parts.push(make("p", link));
        document.getElementById(`d${name}-design`).open = true;
      } else {
        const note = make("p", "Not among the designs in full; dovetail report --designs N shows more of them.");
        note.className = "quiet small";
        parts.push(note);
      }
      pick.replaceChildren(...parts);
      pick.hidden = false;
      if (scroll) pick.scrollIntoView({ block: "nearest" });
    };
    const light = (i, on) => { for (const e of same(i)) e.classList.toggle("at", on); };
    document.addEventListener("pointerover", (event) => {
      const element = event.target.closest?.("[data-front]");
      if (element && known(element)) { element.dataset.tip = told(data.front, Number(element.dataset.front)); light(element.dataset.front, true); }
    });
    document.addEventListener("pointerout", (event) => {
      const element = event.target.closest?.("[data-front]");
      if (element) light(element.dataset.front, false);
    });
    document.addEventListener("focusin", (event) => {
      const element = event.target.closest?.("[data-front]");
      if (element && known(element)) element.dataset.tip = told(data.front, Number(element.dataset.front));
    }, true);
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("[data-pick]");
      const element = event.target.closest?.("[data-front]");
      if (link && link.hash.startsWith("#design-")) event.preventDefault();
      if (link) choose(Number(link.dataset.pick), link.hash.startsWith("#design-"));
      else if (element && known(element)) choose(Number(element.dataset.front), false);
    });
    document.addEventListener("keydown", (event) => {
      const element = event.target.closest?.("[data-front]");
      if (element && known(element) && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        choose(Number(element.dataset.front), false);
      }
    });

    // What is under the pointer where no point of the front is: a design that others beat, or how many there are.
    for (const chart of all(".pareto")) {
      const plot = chart.querySelector(".plot");
      const [xLow, xHigh, xLog, yLow, yHigh, yLog] = chart.dataset.scale.split(" ").map(Number);
      const at = (v, low, high, log) => log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low);
      const column = (name) => data.metrics.findIndex((m) => m.name === name);
      const x = column(chart.dataset.x), y = column(chart.dataset.y), points = data.others;
      const cells = new Map(data.cells[`${chart.dataset.x} ${chart.dataset.y}`].map(([c, r, n]) => [`${c} ${r}`, n]));
      plot.addEventListener("pointermove", (event) => {
        if (event.target.closest("[data-tip],[data-front]")) return;
        const box = plot.getBoundingClientRect();
        const px = event.clientX - box.left, py = event.clientY - box.top;
        let best = -1, least = 64;
        for (let i = 0; i < points.name.length; i++) {
          const dx = at(points.values[x][i], xLow, xHigh, xLog) * box.width - px;
          const dy = (1 - at(points.values[y][i], yLow, yHigh, yLog)) * box.height - py;
          const d = dx * dx + dy * dy;
          if (d < least) { least = d; best = i; }
        }
        const count = cells.get(`${Math.floor(px / box.width * data.grid[0])} ${Math.floor((1 - py / box.height) * data.grid[1])}`);
        const words = [best >= 0 && told(points, best), count && `${count.toLocaleString("en-US").replaceAll(",", "\u202f")} design${count > 1 ? "s" : ""} here`];
        const text = words.filter(Boolean).join("\n");
        if (text) { tell({ dataset: { tip: text } }, event.clientX, event.clientY); } else hush();
      });
      plot.addEventListener("pointerleave", hush);
    }

    // Options keep the lines that take them: of one choice any of them, of several choices all.
    const wanted = new Map();
    document.addEventListener("click", (event) => {
      const button = event.target.closest?.("button[data-axis]");
      if (!button) return;
      const axis = Number(button.dataset.axis), option = Number(button.dataset.option);
      const options = wanted.get(axis) ?? new Set();
      if (!options.delete(option)) options.add(option);
      if (options.size) wanted.set(axis, options); else wanted.delete(axis);
      button.setAttribute("aria-pressed", String(options.has(option)));
      for (const line of all("path.line")) {
        const i = Number(line.dataset.front);
        line.classList.toggle("off", [...wanted].some(([a, chosen]) => !chosen.has(data.front.picks[a][i])));
      }
    });
  }

  // --------------------------------------------------------------------- a link to what is folded unfolds it
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
    target.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
})();
