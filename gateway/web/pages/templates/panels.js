// The panels: facts from the admin API as nodes. Text goes in as text, never as markup.
var STATES = {
  open: ["good", "Open", "Nobody has to wait."],
  queueing: ["calm", "Queueing", "Visits are called in turn."],
  paused: ["warn", "Paused", "Nobody is called; every place is kept."],
  prequeue: ["calm", "Before the opening", "Everybody who is here by then is placed in random order."],
  closed: ["warn", "Closed", "Nobody is called; every place is kept."],
  slots_exhausted: ["warn", "No free slots", "Visitors are told that there is no need to wait; every place is kept."],
  store_down: ["bad", "Store down", "Admitted visits go on by their pass; places are kept in the visitors' tickets."]
};
var REASONS = {
  capacity: ["what the pools can take now", "Nothing to do."],
  forecast: ["the published plan", "Nothing to do: the plan is being followed."],
  pressure: ["cut, nodes are slow or failing", "Look at the nodes below for errors and latency."],
  manual: ["set by hand", "Resume when the cause is gone; the setting also ends by itself."],
  no_forecast: ["measured load alone, no usable forecast", "Publish a forecast: talon forecast publish."],
  paused: ["none, the room is paused", "Look at the nodes below, or at who paused it."],
  closed: ["none, the room is closed", "It opens again by itself when the setting ends, or resume it."],
  exhausted: ["none, no free slots are left", "Resume when there are new ones; an answer with Talon-Slots: some does it too."],
  idle: ["no queue, not limited", "Nothing to do."]
};
var OPENED = {
  none: "",
  forecast: "opened ahead: the forecast exceeds what the primary pool can take",
  pressure: "opened: the primary pool is saturated",
  failure: "opened: nodes of the primary pool are failing"
};
var GOOD = { up: "good", open: "good", ok: "good", down: "bad", closed: "", warming: "warn", draining: "warn", ejected: "bad", stale: "warn", no_forecast: "warn", absent: "warn" };
function number(value, digits) {
  if (value === null || value === undefined || isNaN(value)) return "\u2013";
  return Number(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
function percent(value) { return value === null || value === undefined ? "\u2013" : number(value * 100, value < 0.1 && value > 0 ? 1 : 0) + " %"; }
function clock(seconds, withSeconds) {
  var at = new Date(seconds * 1000), two = function (n) { return (n < 10 ? "0" : "") + n; };
  return two(at.getHours()) + ":" + two(at.getMinutes()) + (withSeconds ? ":" + two(at.getSeconds()) : "");
}
function span(seconds) {
  if (seconds < 90) return number(seconds, 0) + " s";
  return seconds < 5400 ? number(seconds / 60, 0) + " min" : number(seconds / 3600, 1) + " h";
}
function range(eta) { return eta ? (eta[1] < 90 ? number(eta[0], 0) + "\u2013" + number(eta[1], 0) + " s" : number(Math.floor(eta[0] / 60), 0) + "\u2013" + number(Math.ceil(eta[1] / 60), 0) + " min") : "not known"; }
function total(counts) { return Object.keys(counts || {}).reduce(function (sum, key) { return sum + counts[key]; }, 0); }
function el(name, look) {
  var node = document.createElement(name);
  if (look) node.className = look;
  node.append.apply(node, Array.prototype.slice.call(arguments, 2));
  return node;
}
function fill(id) {
  var box = document.getElementById(id);
  box.replaceChildren.apply(box, Array.prototype.slice.call(arguments, 1));
}
function empty(text) { return el("p", "empty", text); }
function badge(state) { return el("span", "badge " + (GOOD[state] || ""), String(state).replace("_", " ")); }
function gauge(share) {
  var bar = el("i", share >= 1 ? "bad" : share >= 0.8 ? "warn" : ""), box = el("span", "gauge", bar);
  bar.style.width = Math.min(100, Math.max(0, share * 100)) + "%";
  box.setAttribute("aria-hidden", "true");
  return box;
}
function tile(name, value, unit, more) {
  return el("div", "tile", el("div", "name", name), el("div", "value", value, " ", el("small", "", unit)), el("div", "more", more || ""));
}
function table(titles, rows) {
  var head = el("tr", "");
  titles.forEach(function (title) { var cell = el("th", "", title); cell.scope = "col"; head.append(cell); });
  var body = el("tbody", "");
  body.append.apply(body, rows);
  return el("table", "", el("thead", "", head), body);
}
function row(look) {
  var node = el("tr", look);
  Array.prototype.slice.call(arguments, 1).forEach(function (cell) { node.append(cell.tagName === "TD" || cell.tagName === "TH" ? cell : el("td", "", cell)); });
  return node;
}
function showState(room) {
  var state = STATES[room.state] || ["", room.state, ""], reason = REASONS[room.reason] || [room.reason, ""];
  var box = document.getElementById("state"), by = room.paused_by, todo = reason[1];
  box.className = "state " + state[0];
  if (room.state === "store_down") todo = "Bring the store back; the order of the queue is restored by itself.";
  var who = by ? "Set by " + by.author + ": " + by.reason + (by.until ? " (until " + clock(by.until, true) + ")" : "") +
    (by.back_at ? "; visitors are told " + clock(by.back_at, true) : "") + "." : "";
  if (room.leader === false) who += " Another gateway calls the visits of this room.";
  fill("state", el("b", "", state[1]), el("p", "", state[2]), el("p", "", who), el("p", "todo", "Admission rate: " + reason[0] + ". " + todo));
}
function showTiles(room) {
  var lanes = Object.keys(room.waiting || {}), worst = null, called = total(room.serving);
  Object.keys(room.eta || {}).forEach(function (lane) { var eta = room.eta[lane]; if (eta && (!worst || eta[1] > worst[1])) worst = eta; });
  var parts = lanes.map(function (lane) { return lane + " " + number(room.waiting[lane], 0); }).join(", ");
  fill("tiles",
    tile("Waiting", number(total(room.waiting), 0), "people", lanes.length > 1 ? parts : ""),
    tile("Admission rate", number(room.admission_rate, 1), "visits/s", (REASONS[room.reason] || [room.reason])[0]),
    tile("Arriving", number(room.inflow, 1), "visits/s", "finishing " + number(room.outflow, 1) + "/s"),
    tile("Inside", number(room.inside, 0), "visits", number(called, 0) + " called" + (room.claims === undefined ? "" : ", " + number(room.claims, 0) + " came in")),
    tile("Wait shown", worst ? range(worst) : "\u2013", "", worst ? "longest lane" : total(room.waiting) ? "not known yet" : "nobody waits"),
    tile("No-shows", percent(room.no_show_share), "", room.no_shows === undefined ? "of those called" : number(room.no_shows, 0) + " of those called"));
}
function showLanes(room) {
  var lanes = Object.keys(room.issued || room.waiting || {});
  if (!lanes.length) return fill("lanes", empty("Nobody has joined yet."));
  return fill("lanes", table(["Lane", "Waiting", "Called", "Issued", "Wait shown"], lanes.map(function (lane) {
    return row("", lane, number((room.waiting || {})[lane] || 0, 0), number((room.serving || {})[lane] || 0, 0),
      number((room.issued || {})[lane] || 0, 0), (room.waiting || {})[lane] ? range((room.eta || {})[lane]) : "\u2013");
  })));
}
function showForecast(one) {
  if (!one || one.state === "absent") return fill("forecast", empty("No forecast is published: the measured load alone sets the rate."));
  var now = one.now, facts = el("dl", "facts"), shares = now && now.pool_share ? now.pool_share : {};
  function fact(name) { facts.append(el("dt", "", name)); facts.append(el.apply(null, ["dd", ""].concat(Array.prototype.slice.call(arguments, 1)))); }
  fact("State", badge(one.state), one.reason ? " " + one.reason : "");
  fact("Model", one.model + ", version " + one.version);
  fact("Made", span(one.age_seconds) + " ago, good until " + clock(one.expires_at, true));
  if (now) fact("Expected now", number(now.q50, 1) + " visits/s (8 of 10: " + number(now.q10, 1) + "\u2013" + number(now.q90, 1) + ")");
  if (now) fact("Plan", (now.admission_rate === null ? "not limited" : number(now.admission_rate, 1) + " visits/s") +
    Object.keys(shares).map(function (pool) { return ", " + pool + " " + percent(shares[pool]); }).join(""));
  return fill("forecast", facts);
}
function showPools(pools) {
  var rows = [];
  if (!pools.length) return fill("pools", empty("No pools are configured."));
  pools.forEach(function (pool) {
    var why = OPENED.hasOwnProperty(pool.reason) ? OPENED[pool.reason] : pool.reason;
    var name = el("th", "", pool.name, el("span", "badge", pool.role), badge(pool.state)), cause = el("th", "why", "share " + percent(pool.share), el("span", "", why ? ", " + why : ""));
    name.scope = "rowgroup";
    name.colSpan = 2;
    cause.colSpan = 5;
    rows.push(row("pool", name, cause));
    (pool.nodes || []).forEach(function (node) {
      var load = el("span", "", gauge(node.limit ? node.inflight / node.limit : 0), number(node.inflight, 0) + " / " + number(node.limit, 0));
      rows.push(row("", el("td", "node", node.url), badge(node.state), load, number(node.waiting, 0),
        node.state === "down" ? "\u2013" : number(node.latency_ms, 0) + " ms", number(node.requests_per_s, 1), number(node.errors_per_s, 1)));
    });
  });
  return fill("pools", table(["Pool and nodes", "State", "Inflight / limit", "Waiting", "Latency", "Requests/s", "Errors/s"], rows));
}
