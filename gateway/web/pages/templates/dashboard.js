// Asks the admin address once a second, remembers 5 minutes, shows the room that is chosen.
var PAST = 300, AHEAD = 60, LONGEST_WAIT = 4000, MOST_ROOMS = 64;
var history = {}, latest = { rooms: [], pools: [], forecasts: [] }, chosen = null, skew = 0, heard = 0, timer;
function $(id) { return document.getElementById(id); }
function now() { return Date.now() / 1000 + skew; }
// The gateway's clock is the axis: forecasts are in its time. Its Date header counts whole seconds.
function setClock(header) {
  var off = header ? Date.parse(header) / 1000 - Date.now() / 1000 : 0;
  skew = Math.abs(off) > 2 ? off : 0;
}
function ask(name) {
  var stop = new AbortController(), limit = setTimeout(function () { stop.abort(); }, LONGEST_WAIT);
  return fetch("/api/" + name, { cache: "no-store", signal: stop.signal }).then(function (answer) {
    if (!answer.ok) throw new Error("/api/" + name + " answered " + answer.status);
    if (name === "rooms") setClock(answer.headers.get("Date"));
    return answer.json();
  }).finally(function () { clearTimeout(limit); });
}
function capacityOf(room) {
  var plan = forecastOf(room), pools = plan && plan.capacity ? Object.keys(plan.capacity) : [];
  return pools.length ? total(plan.capacity) : null;
}
function forecastOf(room) {
  return latest.forecasts.filter(function (one) { return one.room === room.name; })[0];
}
function remember() {
  var at = now();
  latest.rooms.slice(0, MOST_ROOMS).forEach(function (room) {
    var past = history[room.name] = (history[room.name] || []).filter(function (one) { return one.at > at - PAST - 5; });
    past.push({ at: at, inflow: room.inflow, rate: room.admission_rate, capacity: capacityOf(room), waiting: room.waiting || {} });
  });
}
function column(past, pick) {
  return past.map(function (one) { var value = pick(one); return [one.at, value === undefined ? null : value]; });
}
// Only the steps that touch the window; the one before it reaches in.
function band(forecast, from, to) {
  var series = (forecast && forecast.state === "ok" && forecast.series) || [], first = 0;
  series.forEach(function (step, at) { if (step.at <= from) first = at; });
  return series.slice(first).filter(function (step) { return step.at <= to; }).map(function (step) {
    return [Math.max(step.at, from), step.q10, step.q90, step.q50];
  });
}
function middle(points, to) {
  return corners(points, 3, to);
}
function drawCharts(room) {
  var past = history[room.name] || [], at = now(), from = at - PAST, to = at + AHEAD, steps = band(forecastOf(room), from, to);
  chart($("demand"), $("legend-demand"), [
    { name: "forecast 8 of 10", look: "c1", kind: "band", points: steps },
    { name: "forecast middle", look: "c1", kind: "dash", hold: true, points: middle(steps, to) },
    { name: "capacity", look: "c3", kind: "dash", points: column(past, function (one) { return one.capacity; }) },
    { name: "admission rate", look: "c2", points: column(past, function (one) { return one.rate; }) },
    { name: "arrivals", look: "c0", points: column(past, function (one) { return one.inflow; }) }
  ], from, to, at, "/s");
  var lanes = Object.keys(room.waiting || {}).slice(0, 4);
  chart($("waiting"), $("legend-waiting"), lanes.map(function (lane, index) {
    return { name: lane, look: "c" + index, points: column(past, function (one) { return one.waiting[lane]; }) };
  }), from, at, at, "");
}
function current() {
  return latest.rooms.filter(function (room) { return room.name === chosen; })[0] || latest.rooms[0];
}
function showRooms(room) {
  var names = latest.rooms.map(function (one) { return one.name; }), nav = $("rooms");
  if (nav.dataset.names !== names.join()) {
    nav.dataset.names = names.join();
    nav.replaceChildren.apply(nav, names.map(function (name) {
      var button = el("button", "", name);
      button.type = "button";
      button.addEventListener("click", function () { chosen = name; show(); });
      return button;
    }));
  }
  Array.prototype.forEach.call(nav.children, function (button) {
    button.setAttribute("aria-pressed", room && button.textContent === room.name ? "true" : "false");
  });
}
function show() {
  var room = current();
  showRooms(room);
  showPools(latest.pools);
  if (!room) {
    $("state").className = "state";
    fill("state", el("b", "", "No rooms"), el("p", "", "The configuration protects no path: every request passes through."));
    fill("tiles");
    fill("lanes", empty("No room, no lanes."));
    showForecast(undefined);
    return;
  }
  showState(room);
  showTiles(room);
  showLanes(room);
  showForecast(forecastOf(room));
  drawCharts(room);
}
function settled(one) { return one.status === "fulfilled"; }
function take(answers) {
  ["rooms", "pools", "forecasts"].forEach(function (name, at) {
    if (settled(answers[at]) && Array.isArray(answers[at].value[name])) latest[name] = answers[at].value[name];
  });
  var failed = answers.filter(function (one) { return !settled(one); })[0];
  $("lost").hidden = !failed;
  if (failed) {
    var text = "No full answer from the admin address" + (heard ? " since " + clock(heard, true) + "; older figures are shown" : "") + ": " + failed.reason.message;
    if ($("lost").textContent !== text) $("lost").textContent = text;
  } else {
    heard = now();
    $("clock").textContent = "Updated " + clock(heard, true);
  }
  if (settled(answers[0])) remember();
  show();
}
function round() {
  var began = Date.now();
  Promise.allSettled([ask("rooms"), ask("pools"), ask("forecast")]).then(take).finally(function () {
    clearTimeout(timer);
    timer = setTimeout(round, Math.max(200, 1000 - (Date.now() - began)));
  });
}
function redraw() { if (current()) drawCharts(current()); }
followPointer($("demand"), redraw);
followPointer($("waiting"), redraw);
window.addEventListener("resize", redraw);
round();
