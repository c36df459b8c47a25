"use strict";
// Draws what stands in #data. The lines are drawn by uPlot; the rest is plain HTML.
const DATA = JSON.parse(document.getElementById("data").textContent);
const COLORS = ["#3b82f6", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6", "#06b6d4", "#ec4899", "#84cc16", "#f97316", "#94a3b8"];
const make = (name, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const short = (n) => n === 0 ? "0" : Math.abs(n) < .1 ? String(+n.toPrecision(2)) : Math.abs(n) >= 100 ? n.toFixed(0) : Math.abs(n) >= 10 ? n.toFixed(1).replace(/\.0$/, "") : n.toFixed(2).replace(/\.?0+$/, "");
const scaled = (steps) => (v) => {
  const step = steps.find(([size]) => Math.abs(v) >= size) || steps[steps.length - 1];
  return v === 0 ? "0" : short(v / step[0]) + step[1];
};
const BYTES = [[2 ** 40, " TiB"], [2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"], [1, " B"]];
const COUNT = [[1e9, " G"], [1e6, " M"], [1e3, " k"], [1, ""]];
const TIME = [[86400, " d"], [3600, " h"], [60, " min"], [1, " s"], [1e-3, " ms"], [1e-6, " µs"]];
const ending = (steps, word) => scaled(steps.map(([size, unit]) => [size, unit + word]));
const UNITS = {
  "bytes": scaled(BYTES), "bytes/s": ending(BYTES, "/s"), "seconds": scaled(TIME), "ago": scaled(TIME),
  "1/s": ending(COUNT, "/s"), "ops/s": ending(COUNT, " ops/s"),
  "ratio": (v) => short(v * 100) + " %", "percent": (v) => short(v) + " %",
};
const say = (value, unit, decimals) => {
  if (value === null || value === undefined) return "–";
  if (decimals !== null && decimals !== undefined) {
    return unit === "ratio" ? (value * 100).toFixed(decimals) + " %" : value.toFixed(decimals);
  }
  return (UNITS[unit] || scaled(COUNT))(value);
};

const TWOS = Array.from({ length: 60 }, (_, n) => 2 ** n);
const clock = (at) => new Date(1000 * at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
const times = (panel) => Array.from({ length: panel.count }, (_, n) => panel.start + n * panel.step);
const last = (values) => { for (let n = values.length - 1; n >= 0; n--) if (values[n] !== null) return values[n]; return null; };
const most = (values) => values.reduce((a, v) => v !== null && (a === null || v > a) ? v : a, null);
const verdict = (panel, value) => {
  if (value === null) return "plain";
  const state = panel.states[String(value)];
  if (state) return state.verdict;
  return panel.thresholds.reduce((found, step) => value >= step.at ? step.verdict : found, panel.base);
};

function marks(u) {
  u.ctx.save();
  u.ctx.strokeStyle = style("--mark");
  u.ctx.setLineDash([3, 3]);
  for (const change of DATA.changes) {
    const x = u.valToPos(change.at, "x", true);
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
    u.ctx.beginPath(); u.ctx.moveTo(x, u.bbox.top); u.ctx.lineTo(x, u.bbox.top + u.bbox.height); u.ctx.stroke();
  }
  u.ctx.restore();
}
function bounds(panel) {
  return (u) => {
    u.ctx.save();
    u.ctx.setLineDash([6, 4]);
    for (const step of panel.thresholds) {
      const y = u.valToPos(step.at, "y", true);
      if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) continue;
      u.ctx.strokeStyle = style("--" + step.verdict);
      u.ctx.beginPath(); u.ctx.moveTo(u.bbox.left, y); u.ctx.lineTo(u.bbox.left + u.bbox.width, y); u.ctx.stroke();
    }
    u.ctx.restore();
  };
}
function summed(series) {
  const total = [];
  return series.map((one) => one.values.map((v, n) => (total[n] = (total[n] || 0) + (v || 0))));
}

function lines(panel, card, plots) {
  const plot = card.appendChild(make("div", "plot"));
  const box = card.appendChild(make("div", "legend"));
  const rows = [];
  const shown = panel.stack ? summed(panel.series) : panel.series.map((one) => one.values);
  const series = panel.series.map((one, n) => {
    const color = COLORS[n % COLORS.length];
    return { label: one.name, stroke: color, width: 1.4, fill: color + (panel.stack ? "55" : "12"), points: { show: false }, spanGaps: false };
  });
  const low = panel.least === null ? undefined : panel.least;
  const range = (u, from, to) => {
    if (!Number.isFinite(from)) return [0, 1];
    if (to === 0 && low === 0 && panel.most === null) return [0, 1];
    const top = panel.most !== null ? panel.most : to === from ? to + Math.max(Math.abs(to) * .2, low === undefined ? .5 : 1e-9) : to + (to - from) * .08;
    const bottom = low !== undefined ? low : from - (to - from) * .08;
    return [bottom, top > bottom ? top : bottom + 1];
  };
  const axis = { stroke: style("--soft"), grid: { stroke: style("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const options = {
    width: plot.clientWidth || 400, height: 165, series: [{}, ...series], legend: { show: false },
    cursor: { sync: { key: "all" }, points: { size: 5 }, drag: { x: false, y: false } },
    bands: panel.stack ? series.slice(1).map((_, n) => ({ series: [n + 2, n + 1] })) : undefined,
    scales: { x: { time: true }, y: { range } },
    axes: [
      { ...axis, size: 26, space: 70, values: (u, ticks) => ticks.map(clock) },
      { ...axis, size: 72, incrs: panel.unit.startsWith("bytes") ? TWOS : undefined, values: (u, ticks) => ticks.map((v) => say(v, panel.unit)) },
    ],
    hooks: {
      draw: [marks, bounds(panel)],
      setCursor: [(u) => rows.forEach((row, n) => {
        const at = u.cursor.idx;
        const value = at === null || at === undefined ? last(panel.series[n].values) : panel.series[n].values[at];
        row.querySelector(".now").textContent = say(value, panel.unit, panel.decimals);
      })],
    },
  };
  const u = new uPlot(options, [times(panel), ...shown], plot);
  plots.push({ u, plot });
  const table = box.appendChild(make("table"));
  const head = table.appendChild(make("thead")).appendChild(make("tr"));
  [["", ""], ["last", "num"], ["max", "num"]].forEach(([word, kind]) => head.appendChild(make("th", kind, word)));
  const body = table.appendChild(make("tbody"));
  panel.series.forEach((one, n) => {
    const row = body.appendChild(make("tr"));
    const name = row.appendChild(make("td"));
    name.appendChild(make("span", "swatch")).style.background = COLORS[n % COLORS.length];
    name.append(one.name);
    row.appendChild(make("td", "num now", say(last(one.values), panel.unit, panel.decimals)));
    row.appendChild(make("td", "num", say(most(one.values), panel.unit, panel.decimals)));
    row.onclick = () => { const off = row.classList.toggle("off"); u.setSeries(n + 1, { show: !off }); };
    rows.push(row);
  });
}

function stat(panel, card, plots) {
  const values = panel.series[0].values;
  const value = last(values);
  const state = panel.states[String(value)];
  const words = state ? state.text : say(value, panel.unit, panel.decimals);
  card.appendChild(make("div", "value v-" + verdict(panel, value), words));
  if (Object.keys(panel.states).length || values.filter((v) => v !== null).length < 2) return;
  const plot = card.appendChild(make("div", "spark"));
  const color = verdict(panel, value) === "plain" ? "#3b82f6" : style("--" + verdict(panel, value));
  const hidden = { show: false };
  const u = new uPlot({
    width: card.clientWidth || 200, height: 34, legend: hidden, cursor: hidden, padding: [2, 0, 0, 0],
    series: [{}, { stroke: color, fill: color + "30", width: 1, points: hidden }], axes: [hidden, hidden],
    scales: { y: { range: (u, from, to) => [Math.min(0, from), to === from ? to + 1 : to] } },
  }, [times(panel), values], plot);
  plots.push({ u, plot: card });
}

function states(panel, card) {
  const end = panel.start + panel.step * panel.count;
  const place = (at) => 100 * (at - panel.start) / (end - panel.start);
  for (const one of panel.series) {
    const lane = card.appendChild(make("div", "lane"));
    lane.appendChild(make("div", "who", one.name)).title = one.name;
    const bar = lane.appendChild(make("div", "bar"));
    let from = 0;
    for (let n = 1; n <= one.values.length; n++) {
      if (n < one.values.length && one.values[n] === one.values[from]) continue;
      const value = one.values[from];
      if (value !== null) {
        const state = panel.states[String(value)] || { text: String(value), verdict: "plain" };
        const part = bar.appendChild(make("span", "b-" + state.verdict, state.text));
        part.title = state.text;
        part.style.left = place(panel.start + from * panel.step) + "%";
        part.style.width = 100 * (n - from) / panel.count + "%";
      }
      from = n;
    }
  }
  const lane = card.appendChild(make("div", "lane"));
  lane.appendChild(make("div"));
  const axis = lane.appendChild(make("div", "times"));
  for (const part of [.05, .275, .5, .725, .95]) {
    const at = new Date(1000 * (panel.start + part * (end - panel.start)));
    axis.appendChild(make("i", "", clock(at / 1000))).style.left = 100 * part + "%";
  }
}

function table(panel, card) {
  const grid = card.appendChild(make("table"));
  const head = grid.appendChild(make("thead")).appendChild(make("tr"));
  head.appendChild(make("th", "", panel.key));
  panel.columns.forEach((one) => head.appendChild(make("th", "num", one.name)));
  const body = grid.appendChild(make("tbody"));
  for (const line of panel.rows) {
    const row = body.appendChild(make("tr"));
    row.appendChild(make("td", "", line.key));
    line.values.forEach((value, n) => row.appendChild(make("td", "num", say(value, panel.columns[n].unit))));
  }
}

const KINDS = { lines, stat, states, table };
let plots = [];
function show(dashboard) {
  plots.forEach(({ u }) => u.destroy());
  plots = [];
  const main = document.querySelector("main");
  main.replaceChildren(make("p", "about", dashboard.about));
  for (const row of dashboard.rows) {
    main.appendChild(make("h2", "row", row.title));
    const grid = main.appendChild(make("div", "grid"));
    for (const panel of row.panels) {
      const card = grid.appendChild(make("section", "panel " + panel.kind));
      card.style.gridColumn = "span " + panel.width;
      card.appendChild(make("h3", "", panel.title)).title = panel.asks;
      card.appendChild(make("p", "asks", panel.asks)).title = panel.asks;
      if (panel.series.length || panel.rows.length) KINDS[panel.kind](panel, card, plots);
      else card.appendChild(make("div", "none", panel.empty ? "no data: " + panel.empty : "no data"));
    }
  }
}
const pick = document.querySelector("select");
const draw = () => show(DATA.dashboards[pick.selectedIndex]);
DATA.dashboards.forEach((one) => pick.appendChild(make("option", "", one.title)));
const wanted = () => {
  const found = DATA.dashboards.findIndex((one) => "#" + one.anchor === decodeURIComponent(location.hash));
  pick.selectedIndex = Math.max(found, 0);
  draw();
};
const theme = (name) => { document.documentElement.dataset.theme = name; };
theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.querySelector("button").onclick = () => { theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); draw(); };
pick.onchange = () => { location.hash = DATA.dashboards[pick.selectedIndex].anchor; };
addEventListener("hashchange", wanted);
addEventListener("resize", () => plots.forEach(({ u, plot }) => u.setSize({ width: plot.clientWidth, height: u.height })));
wanted();
