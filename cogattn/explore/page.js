"use strict";
// The page's own script: sliders to messages, answers to words. Curves change by themselves: they are Bokeh's.
const begin = JSON.parse(document.getElementById("begin").textContent);
const $ = id => document.getElementById(id);
const make = (tag, props = {}, ...inside) => {
  const el = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) k in el ? (el[k] = v) : el.setAttribute(k, v);
  el.append(...inside);
  return el;
};
const STEPS = 200; // places of a slider; one more, where the last is infinity
const knobs = new Map(); // name -> what a slider needs
const PATIENCE = 90; // s: what is not answered by then is given up, and said
let state = {}, values = {}, wire = null, count = 0, flying = 0, late = 0, soon = 0, quiet = false, queued = null, scored = new Map(), scoredFor = "";

// -- values and places ------------------------------------------------------------------------------------

const tidy = v => Number(v.toPrecision(3));
const valueAt = (k, p) => p > STEPS ? "inf" : p === 0 ? k.low : p === STEPS ? k.high
  : tidy(k.log ? k.low * (k.high / k.low) ** (p / STEPS) : k.low + (k.high - k.low) * p / STEPS);
const placeOf = (k, v) => {
  if (v === "inf") return STEPS + 1;
  const x = Math.min(Math.max(v, k.low), k.high);
  return Math.round(STEPS * (k.log ? Math.log(x / k.low) / Math.log(k.high / k.low) : (x - k.low) / (k.high - k.low)));
};
const spell = (k, v) => {
  if (v === "inf") return "no limit";
  const number = v !== 0 && Math.abs(v) < 0.001 ? v.toExponential(1) : String(Number(v.toPrecision(3)));
  return k.unit && k.unit.length < 9 ? `${number} ${k.unit}` : number;
};

// -- sliders ----------------------------------------------------------------------------------------------

function slider(k) {
  const id = `knob-${k.name}`;
  const input = make("input", {type: "range", id, min: 0, max: STEPS + (k.endless ? 1 : 0), step: 1});
  const out = make("output", {}), back = make("button", {type: "button", className: "back", title: "Back to the mean adult"}, "↺");
  back.setAttribute("aria-label", `Reset ${k.name}`);
  out.setAttribute("for", id);
  const row = make("div", {className: "knob", id: `row-${k.name}`},
    make("label", {htmlFor: id}, make("b", {}, k.name.replaceAll("_", " ")), " ", k.words, make("i", {className: "no-effect", hidden: true}, " – no effect in this task")), input, out, back);
  k.row = row;
  const max = Number(input.max);
  k.show = v => {
    const place = placeOf(k, v), usual = placeOf(k, k.usual);
    input.value = place;
    out.textContent = spell(k, v);
    input.setAttribute("aria-valuetext", spell(k, v));
    row.classList.toggle("moved", v !== k.usual);
    back.tabIndex = v !== k.usual ? 0 : -1;
    paint(input, Math.min(place, usual) / max, Math.max(place, usual) / max, usual / max);
  };
  input.addEventListener("input", () => move(k, valueAt(k, Number(input.value)), false));
  input.addEventListener("change", () => move(k, valueAt(k, Number(input.value)), true));
  input.addEventListener("dblclick", () => move(k, k.usual, true));
  back.addEventListener("click", () => { move(k, k.usual, true); input.focus(); });
  knobs.set(k.name, k);
  return row;
}

// The filled part runs from the mean adult to the thumb; positions are in pixels, as a thumb stays inside its track.
function paint(input, a, b, usual) {
  const width = input.clientWidth || 200, room = width - 15, px = s => 7.5 + s * room;
  input.style.setProperty("--usual", `${px(usual) - 1}px`);
  input.style.setProperty("--from", `${px(a)}px`);
  input.style.setProperty("--span", `${Math.max(0, px(b) - px(a))}px`);
}

function toggle(name, words) {
  const input = make("input", {type: "checkbox", id: `knob-${name}`});
  input.addEventListener("change", () => move({name, show() {}}, input.checked, true));
  knobs.set(name, {name, show: v => { input.checked = v; }});
  return make("div", {className: "knob switch"}, input,
    make("label", {htmlFor: input.id}, make("b", {}, name.replaceAll("_", " ")), " ", words));
}

function build() {
  for (const g of begin.groups) {
    const more = make("details", {className: "more"}, make("summary", {}, `${g.knobs.filter(k => !k.main).length} more`));
    const field = make("fieldset", {},
      make("legend", {}, make("span", {className: "property"}, make("b", {}, g.title), make("span", {}, g.words))));
    for (const k of g.knobs) (k.main ? field : more).append(slider(k));
    if (g.title === "Capacity") for (const [n, w] of Object.entries(begin.switches)) more.append(toggle(n, w));
    more.addEventListener("toggle", () => showValues());
    field.append(more);
    g.field = field;
    g.more = more;
    $("groups").append(field);
  }
  for (const name of begin.presets) {
    const b = make("button", {type: "button"}, name);
    b.setAttribute("aria-pressed", "false");
    b.title = begin.sources[name];
    b.addEventListener("click", () => send({do: "preset", name}));
    $("presets").append(b);
  }
  for (const [label, banded] of [["With a table of people's bands", true], ["Without", false]]) {
    const group = make("optgroup", {label});
    for (const p of begin.paradigms.filter(p => p.banded === banded)) group.append(make("option", {value: p.name}, p.title));
    $("paradigm").append(group);
  }
  $("beside").append(make("option", {value: ""}, "no other mind"), make("option", {value: "this"}, "this mind, as it is now"),
    ...begin.presets.map(name => make("option", {value: name}, name)));
  new ResizeObserver(() => showValues()).observe($("groups"));
}

// What moves this task most comes first; what moves nothing is grey and last. Measured on the mean adult, ahead of time.
let orderedFor = "";
function order(effects) {
  const known = Object.keys(effects).length > 0;
  $("ordered").textContent = known ? "Sliders that move this task most come first; grey ones do not change it."
    : "Nobody has measured yet which sliders move this task: they stand in their usual order.";
  for (const g of begin.groups) {
    const rank = k => known ? -(effects[k.name] ?? 0) : 0;
    const sorted = [...g.knobs].sort((a, b) => rank(a) - rank(b)); // equal ones keep their places
    const most = g.knobs.filter(k => k.main).length;
    sorted.forEach((k, i) => {
      const none = known && effects[k.name] === 0;
      k.row.classList.toggle("none", none);
      k.row.querySelector(".no-effect").hidden = !none;
      if (i < most && !none) g.field.insertBefore(k.row, g.more); else g.more.append(k.row);
    });
    for (const r of g.more.querySelectorAll(".switch")) g.more.append(r);
    const rest = g.more.querySelectorAll(".knob").length;
    g.more.querySelector("summary").textContent = `${rest} more`;
  }
  for (const name of Object.keys(begin.switches)) {
    const row = $(`knob-${name}`).closest(".knob"), none = known && effects[name] === 0;
    row.classList.toggle("none", none);
  }
  showValues();
}

const showValues = () => { for (const [name, k] of knobs) if (name in values) k.show(values[name]); };

// -- messages ---------------------------------------------------------------------------------------------

// One question is on its way at a time: of those that come meanwhile only the last move is kept.
function send(asked) {
  if (!wire) return;
  if (flying) {
    if (queued && queued.do === "move" && asked.do === "move")
      asked = {...asked, values: {...queued.values, ...asked.values}};
    if (asked.do === "again") return;
    queued = asked;
    busy(asked);
    return;
  }
  flying = asked.n = ++count;
  quiet = asked.do === "again";
  if (!quiet) busy(asked);
  late = setTimeout(() => heard({n: flying, error: `No answer in ${PATIENCE} s. Is cogattn explore still running? Then try again, or load the page anew.`}), 1000 * PATIENCE);
  wire.ask.value = JSON.stringify(asked);
}

// While it computes, it says so; the figure of another task is gone at once, so that it is not taken for this one.
const OTHER = new Set(["paradigm", "link"]);
function busy(asked) {
  document.body.setAttribute("aria-busy", "true");
  clearTimeout(soon);
  soon = setTimeout(() => document.body.classList.add("computing"), 250);
  if (!OTHER.has(asked.do)) return;
  const name = asked.paradigm ?? asked.name;
  if (!name || name === state.paradigm) return;
  stop();
  document.body.classList.add("other");
  $("finding").textContent = `${begin.paradigms.find(p => p.name === name)?.title ?? name}: computing …`;
  for (const id of ["question", "interval", "trial-title", "source", "score-says"]) $(id).textContent = "";
  for (const id of ["legend", "numbers", "bands", "rows"]) $(id).replaceChildren();
  $("badge").hidden = true;
}

function idle() {
  clearTimeout(soon);
  document.body.removeAttribute("aria-busy");
  document.body.classList.remove("computing");
  if (document.body.classList.replace("other", "was-other")) { document.body.classList.remove("was-other"); return true; }
  return false;
}

function move(k, value, full) {
  values[k.name] = value;
  k.show(value);
  send({do: "move", values: {[k.name]: value}, full});
}

function heard(said) {
  if (said.n === flying || said.n === null) { // null: what could not be read
    clearTimeout(late);
    flying = 0;
    const gone = !queued && idle();
    if ("interval" in said) interval(said.interval);
    if (gone && "error" in said) { state = {...state, ...said}; words(state); bands(state); moment(state.trial); }
  }
  if ("paradigm" in said && said.paradigm !== state.paradigm) $("plots").scrollLeft = 0;
  state = {...state, ...said};
  if ("values" in said && !queued) { values = {...said.values}; showValues(); }
  if ("preset" in said) pressed();
  if ("beside" in said) besides();
  if ("effects" in said && orderedFor !== said.paradigm) { orderedFor = said.paradigm; order(said.effects); }
  if ("own" in said) $("mine").textContent = said.own ? "Take my data off" : "Load my data";
  if ("title" in said && !(queued && OTHER.has(queued.do))) words(said);
  if ("file" in said) {
    download(said.file.name, Uint8Array.from(atob(said.file.bytes), c => c.charCodeAt(0)), said.file.type);
    said = {...said, note: `${said.file.name}: saved`};
  }
  if ("score" in said) bands(said);
  if ("trial" in said) moment(said.trial);
  if ("all" in said) scored.set(said.all.name, said.all);
  if ("waiting" in said || "score" in said) total();
  if (!quiet || said.n !== count) status(said);
  if (!flying && queued) { const next = queued; queued = null; send(next); return; }
  if ("title" in said || "trial" in said) address();
  if (("title" in said && !said.again) || ("interval" in said && said.interval.plays < said.interval.of)) later();
}

// -- the address: a link restores task, seed, mind, the mind beside it, and the trial ----------------------------------

const changed = all => Object.fromEntries(Object.entries(all).filter(([k, v]) => knobs.has(k) && v !== usual(k)));
const usual = k => knobs.get(k).usual ?? false;
const mean = () => Object.fromEntries([...knobs.keys()].map(k => [k, usual(k)]));

function address() {
  const words = new URLSearchParams({task: state.paradigm, seed: state.seed});
  for (const [k, v] of Object.entries(changed(state.values))) words.set(k, v);
  if (state.beside) {
    words.set("beside", "");
    for (const [k, v] of Object.entries(changed(state.beside.values))) words.set(`beside.${k}`, v);
  }
  if (state.trial) { words.set("condition", state.trial.condition); words.set("trial", state.trial.at + 1); }
  history.replaceState(null, "", `#${words}`);
}

const value = text => text === "inf" || text === "" ? text : text === "true" ? true : text === "false" ? false : Number.isNaN(Number(text)) ? text : Number(text);

function asked(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  if (![...words.keys()].length) return null;
  const link = {do: "link", values: mean()};
  let other = null;
  for (const [k, v] of words) {
    if (k === "task") link.paradigm = v;
    else if (k === "seed" || k === "condition") link[k] = value(v);
    else if (k === "trial") link.at = value(v) - 1;
    else if (k === "beside") other = other ?? mean();
    else if (k.startsWith("beside.")) (other = other ?? mean())[k.slice(7)] = value(v);
    else link.values[k] = value(v);
  }
  if (other) link.other = other;
  return link;
}

// The headline is one play of many: a moment after it, the same is played with other seeds.
let waits = 0;
function later() {
  clearTimeout(waits);
  waits = setTimeout(() => { if (!flying && !document.hidden) send({do: "again"}); }, 900);
}

function interval(i) {
  if (i.seed !== state.seed) return;
  $("interval").textContent = !i.words || i.plays < 2 ? ""
    : i.words === state.title ? `The same with ${i.plays} seeds.` : `With ${i.plays} seeds: ${i.words.replace(/^[^:]*: (?=.*:)/, "")}.`;
}

function besides() {
  const other = state.beside, list = $("beside");
  const known = other && begin.presets.find(n => n.toLowerCase() === other.name);
  const own = [...list.options].find(o => o.value === "own");
  if (other && !known && !own) list.append(make("option", {value: "own"}, "another mind"));
  if ((!other || known) && own) own.remove();
  list.value = !other ? "" : known ?? "own";
}

// -- words ------------------------------------------------------------------------------------------------

const SHAPES = {
  o: "M8.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0 -6.8 0", s: "M8.6 -3.2h6.4v6.4h-6.4z", D: "M11.8 -4.4l4.4 4.4l-4.4 4.4l-4.4 -4.4z",
  "^": "M11.8 -4l4 7h-8z", v: "M11.8 4l4 -7h-8z", X: "M8.5 -3.3l6.6 6.6m0 -6.6l-6.6 6.6", P: "M11.8 -4v8m-4 -4h8", ".": "M10.4 0a1.4 1.4 0 1 0 2.8 0a1.4 1.4 0 1 0 -2.8 0",
  "*": "M11.8 -5.4l1.5 3.6 3.9.3-3 2.5.9 3.8-3.3-2.1-3.3 2.1.9-3.8-3-2.5 3.9-.3z",
};
const DASH = {"--": "5 3", ":": "1.5 2.5", "-.": "5 2 1.5 2"};

function pen(l) {
  const color = grey(l.color) ? "var(--people)" : l.color;
  const shade = grey(l.color) && l.color !== begin.people ? "var(--quiet)" : color;
  const line = l.dash ? `<path d="M0 0H23.6" stroke="${shade}" stroke-width="1.8" fill="none" stroke-dasharray="${DASH[l.dash] || "none"}"/>` : "";
  const mark = l.mark ? `<path d="${SHAPES[l.mark] || SHAPES.o}" fill="${l.hollow ? "none" : shade}" stroke="${shade}" stroke-width="${l.hollow ? 1 : "XP".includes(l.mark) ? 2 : 0}"/>` : "";
  return `<svg width="24" height="12" viewBox="0 -6 24 12" aria-hidden="true">${line}${mark}</svg>`;
}
const grey = c => c[1] === c[3] && c[3] === c[5] && c[2] === c[4] && c[4] === c[6];

function words(said) {
  $("seed").value = said.seed;
  $("badge").hidden = Boolean(said.measured);
  if (!said.again) $("interval").textContent = "";
  $("question").textContent = said.question;
  $("finding").textContent = said.title;
  document.title = `${begin.paradigms.find(p => p.name === said.paradigm).title} – cogattn explore`;
  $("paradigm").value = said.paradigm;
  $("source").textContent = `Source: ${said.source}.`;
  $("legend").replaceChildren(...said.legend.map(l => {
    const li = make("li");
    li.innerHTML = pen(l);
    li.append(l.name);
    return li;
  }));
  const n = said.panels.length;
  $("plots").style.setProperty("--across", n === 4 ? 2 : said.panels.filter(p => !p.wide).length);
  for (let i = 0; i < 4; i++) {
    const fig = $(`fig${i}`);
    fig.hidden = i >= n;
    fig.style.gridColumn = said.panels[i]?.wide ? "1 / -1" : "";
    if (i >= n) continue;
    fig.querySelector("figcaption").textContent = said.panels[i].title;
    fig.querySelector(".plot").setAttribute("aria-label", `${said.panels[i].says}; the numbers are in a table below`);
  }
  numbers(said.numbers);
}

function numbers(tables) {
  $("numbers").replaceChildren(...tables.filter(t => t.rows.length).map(t => {
    const row = (cells, tag) => make("tr", {}, ...cells.map((c, i) => {
      const el = make(i === 0 && tag === "td" ? "td" : tag, {}, c);
      if (tag === "th") el.scope = "col";
      return el;
    }));
    return make("div", {className: "scroll"}, make("table", {}, make("caption", {}, t.caption),
      make("thead", {}, row(t.head, "th")), make("tbody", {}, ...t.rows.map(r => row(r, "td")))));
  }));
}

function pressed() {
  $("preset-source").textContent = state.preset ? `${state.preset}: ${begin.sources[state.preset]}.` : "";
  for (const b of $("presets").children) b.setAttribute("aria-pressed", String(b.textContent === state.preset));
}

function status(said) {
  const box = $("status");
  if (said.again) return; // the same in other colours: what was said still holds
  box.classList.toggle("wrong", "error" in said);
  if ("error" in said) { box.textContent = said.error; values = {...state.values}; showValues(); return; }
  if ("notes" in said && said.notes.length) {
    box.replaceChildren(make("ul", {}, ...said.notes.map(n => make("li", {}, n))));
    return;
  }
  if ("note" in said) { box.textContent = said.note; return; }
  if ("still" in said && said.still.length) {
    box.textContent = `Nothing changed: this task does not depend on ${said.still.join(", ").replaceAll("_", " ")} here.`;
    return;
  }
  if ("title" in said) { box.textContent = `Played: ${said.played}.`; box.title = `in ${said.ms ?? 0} ms`; }
}
const tell = text => { $("status").classList.remove("wrong"); $("status").textContent = text; };

// -- the human bands --------------------------------------------------------------------------------------

const COLOR = {human: "#0072B2", softmax: "#D55E00", beside: "#009E73"};

function track(row, width) {
  const x = p => width / 2 + Math.max(-2.05, Math.min(2.05, p)) * (width / 4.4);
  const dot = (arm, a) => {
    const fill = a.inside ? COLOR[arm] : "var(--paper)";
    if (arm === "beside") return `<path d="M${x(a.place)} -4.6l4.4 7.6h-8.8z" fill="${fill}" stroke="${COLOR[arm]}" stroke-width="2"/>`;
    const shape = arm === "human" ? `<circle cx="${x(a.place)}" cy="0" r="4.2"` : `<rect x="${x(a.place) - 3.4}" y="-3.4" width="6.8" height="6.8"`;
    return `${shape} fill="${fill}" stroke="${COLOR[arm]}" stroke-width="2"/>`;
  };
  const arms = ["softmax", "beside", "human"].filter(a => a in row.arms).map(a => dot(a, row.arms[a])).join("");
  return `<svg width="${width}" height="16" viewBox="0 -8 ${width} 16" aria-hidden="true">
    <path d="M0 0H${width}" stroke="var(--track)"/><rect x="${x(-1)}" y="-5" width="${x(1) - x(-1)}" height="10" rx="2" fill="var(--soft)" stroke="var(--quiet)"/>${arms}</svg>`;
}

function bands(said) {
  const rows = said.score, inside = arm => rows.filter(r => r.arms[arm]?.inside).length;
  $("score-says").textContent = rows.length
    ? `Human arm inside ${inside("human")} of ${rows.length} bands, softmax inside ${inside("softmax")}. A filled mark is inside.`
    : said.measured
      ? "No band was set for this task: compare the curves with the people (stars)."
      : "There is no table of people for this task: look at the curves, or score all tasks that have one.";
  const width = narrow.matches ? 96 : 132;
  $("bands").replaceChildren(...rows.map(r => {
    const human = r.arms.human, li = make("li");
    const value = make("span", {className: "value" + (human && !human.inside ? " out" : "")}, human ? human.value : "none",
      make("small", {}, `${r.low} to ${r.high}`));
    const drawn = make("span");
    drawn.innerHTML = track(r, width);
    const soft = r.arms.softmax;
    const say = (name, a) => a ? `${name} ${a.value}, ${a.inside ? "inside" : "outside"}` : `${name}: no value`;
    li.append(make("span", {}, r.metric, make("span", {className: "sr"}, `: ${say("human arm", human)}; ${say("softmax", soft)}; band`)), drawn, value);
    return li;
  }));
}

function total() {
  const waiting = state.waiting || 0;
  $("score").textContent = waiting ? "Stop" : scored.size ? "Score all again" : "Score all tasks";
  if (!scored.size) { $("all").replaceChildren(); return; }
  const tasks = [...scored.values()];
  const rows = tasks.flatMap(t => t.rows), good = rows.filter(r => r.arms.human?.inside).length;
  const rest = waiting ? `; ${waiting} tasks to go.` : scoredFor === state.toml ? "." : ", before the last change of the mind.";
  const head = make("p", {className: "says"}, `All tasks, human arm: inside ${good} of ${rows.length} bands${rest}`);
  $("all").classList.toggle("stale", !waiting && scoredFor !== state.toml);
  $("all").replaceChildren(head, ...tasks.map(t => {
    const go = make("button", {type: "button"}, t.title);
    go.addEventListener("click", () => send({do: "paradigm", name: t.name}));
    const dots = make("span", {className: "dots"}, ...t.rows.map(r => {
      const a = r.arms.human, is = !a ? "none" : a.inside ? "in" : "out";
      return make("span", {className: `dot ${is}`, title: `${r.metric}: ${a ? a.value : "no value"} (${r.low} to ${r.high})`});
    }));
    dots.setAttribute("role", "img");
    const n = t.rows.filter(r => r.arms.human?.inside).length;
    dots.setAttribute("aria-label", `inside ${n} of ${t.rows.length}`);
    return make("div", {className: "task"}, go, dots, make("span", {className: "count"}, `${n} of ${t.rows.length}`));
  }));
}

// -- one trial --------------------------------------------------------------------------------------------

function moment(t) {
  $("h-trial").textContent = t.sitting ? "One sitting, event by event" : "One trial, event by event";
  $("trial-title").textContent = t.title;
  $("at").textContent = t.at + 1;
  const list = $("condition");
  if (list.options.length !== t.conditions.length || list.options[0].textContent !== t.conditions[0])
    list.replaceChildren(...t.conditions.map((c, i) => make("option", {value: i}, c)));
  list.value = t.condition;
  list.disabled = t.conditions.length < 2;
  $("previous").disabled = t.at === 0;
  film(t.spans);
  $("trial-key").innerHTML = t.answered ? `<span>${pen({color: "#009E73", mark: "D"})} answered</span>` : "";
}

// A trial in time: what is on display, what races, what is in which slot, at one moment.
const KIND = {"on display": "shown", racing: "race", "at the door": "door", held: "held", call: "call", away: "away"};
let spans = [], ends = [0, 1], playing = 0;

function film(all) {
  stop();
  spans = all;
  $("film").hidden = !all.length;
  if (!all.length) return;
  ends = [Math.min(0, ...all.map(s => s.from)), Math.max(...all.map(s => s.to))];
  $("moment").value = 0;
  still(0);
}

function still(place) {
  const t = ends[0] + (ends[1] - ends[0]) * place, long = ends[1] - ends[0] > 5000;
  $("clock").textContent = long ? `${(t / 1000).toFixed(1)} s` : `${Math.round(t)} ms`;
  const now = spans.filter(s => s.from <= t && t < s.to || (t === ends[1] && s.to === t)), rows = [];
  for (const what of new Set(spans.map(s => s.what))) {
    if (what === "held") continue;
    const chips = now.filter(s => s.what === what).map(s => make("span", {className: `chip ${KIND[what] ?? ""}`}, s.element || what));
    rows.push(make("div", {className: "row"}, make("b", {}, what), ...chips));
  }
  const held = now.filter(s => s.what === "held"), there = Math.max(-1, ...spans.filter(s => s.what === "held").map(s => s.slot)) + 1;
  const room = Math.max(there, Math.min(12, Math.ceil(state.values?.slots === "inf" ? 0 : state.values?.slots ?? 0)));
  if (spans.some(s => s.what === "held" || s.what === "racing")) {
    const boxes = Array.from({length: room}, (_, i) => {
      const s = held.find(h => h.slot === i);
      return make("span", {className: `chip slot ${s ? "held" : ""}`}, s ? s.element : " ");
    });
    const loose = held.filter(s => s.slot < 0).map(s => make("span", {className: "chip held"}, s.element));
    rows.push(make("div", {className: "row"}, make("b", {}, "slots"), ...boxes, ...loose));
  }
  $("rows").replaceChildren(...rows);
}

function stop() {
  cancelAnimationFrame(playing);
  playing = 0;
  $("play").textContent = "Play it in time";
}

function start() {
  const from = Number($("moment").value) >= 1000 ? 0 : Number($("moment").value) / 1000, began = performance.now();
  const lasts = Math.min(20000, Math.max(5000, ends[1] - ends[0])); // a brief display is slowed down
  $("play").textContent = "Stop";
  (function step(now) {
    const place = Math.min(1, from + Math.max(0, now - began) / lasts);
    $("moment").value = 1000 * place;
    still(place);
    if (place < 1) playing = requestAnimationFrame(step); else stop();
  })(began);
}

// -- what is taken along ----------------------------------------------------------------------------------

function download(name, text, type = "application/toml") {
  const a = make("a", {href: URL.createObjectURL(new Blob([text], {type})), download: name});
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

async function copy(text, told) {
  try { await navigator.clipboard.writeText(text); tell(`Copied: ${told}`); }
  catch {
    tell("This browser does not let a page copy; here it is:");
    $("status").append(make("pre", {tabIndex: 0}, text));
  }
}

async function chosen(input, then) {
  const file = input.files[0];
  input.value = "";
  if (!file) return;
  if (file.size > 12e6) { $("status").classList.add("wrong"); tell(`${file.name} is larger than 12 MB: take a part of it.`); return; }
  await then(file);
}

async function bytes(file) {
  const all = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < all.length; i += 32768) text += String.fromCharCode(...all.subarray(i, i + 32768));
  return btoa(text);
}

function theme(dark, told = true) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").setAttribute("aria-pressed", String(dark));
  if (told) send({do: "hello", dark, narrow: narrow.matches});
}

function listen() {
  $("paradigm").addEventListener("change", e => send({do: "paradigm", name: e.target.value}));
  $("copy").addEventListener("click", () => copy(state.script, "paste it into a shell, it runs exactly this."));
  $("link").addEventListener("click", () => copy(location.href, `the link opens this task, mind and seed while cogattn explore --port ${location.port} runs.`));
  $("export").addEventListener("change", e => { send({do: "export", kind: e.target.value}); e.target.value = ""; });
  $("seed").addEventListener("change", e => send({do: "seed", seed: Number(e.target.value)}));
  $("beside").addEventListener("change", e => { if (e.target.value !== "own") send(e.target.value ? {do: "beside", name: e.target.value} : {do: "beside"}); });
  $("play").addEventListener("click", () => playing ? stop() : start());
  $("moment").addEventListener("input", e => { stop(); still(Number(e.target.value) / 1000); });
  addEventListener("hashchange", () => { const link = asked(location.hash); if (link) send(link); });
  $("save").addEventListener("click", () => download("observer.toml", state.toml));
  $("open").addEventListener("click", () => $("file-observer").click());
  $("mine").addEventListener("click", () => state.own ? send({do: "forget"}) : $("file-data").click());
  $("file-observer").addEventListener("change", e => chosen(e.target, async f => send({do: "observer", file: f.name, text: await f.text()})));
  $("file-data").addEventListener("change", e => chosen(e.target, async f => send({do: "data", file: f.name, bytes: await bytes(f)})));
  $("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme !== "dark"));
  $("score").addEventListener("click", () => { if (state.waiting) send({do: "score", stop: true}); else { scored.clear(); scoredFor = state.toml; send({do: "score"}); } });
  $("condition").addEventListener("change", e => send({do: "trial", condition: Number(e.target.value), at: 0}));
  $("previous").addEventListener("click", () => send({do: "trial", at: Math.max(0, state.trial.at - 1)}));
  $("next").addEventListener("click", () => send({do: "trial", at: state.trial.at + 1}));
  $("groups").addEventListener("submit", e => e.preventDefault());
}

const night = matchMedia("(prefers-color-scheme: dark)"), narrow = matchMedia("(max-width: 760px)");
theme(night.matches, false);
night.addEventListener("change", e => theme(e.matches));
narrow.addEventListener("change", () => theme(document.documentElement.dataset.theme === "dark"));
const restored = asked(location.hash) && location.hash; // before the page writes its own
build();
heard({...begin.state, n: -1});
if (restored) document.body.classList.add("other"); // what the link asks for comes in a moment
listen();

// Bokeh's models are there a moment later: the two ends of the wire.
(function plug() {
  const doc = window.Bokeh?.documents?.[0];
  const [ask, said] = [doc?.get_model_by_name("ask"), doc?.get_model_by_name("tell")];
  if (!ask || !said) return setTimeout(plug, 30);
  wire = {ask, said};
  said.properties.value.change.connect(() => heard(JSON.parse(said.value)));
  send({do: "hello", dark: night.matches, narrow: narrow.matches});
  if (restored) send(asked(restored));
  document.documentElement.dataset.ready = "yes";
})();
