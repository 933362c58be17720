// The waiting page's script: ES5 and XMLHttpRequest only. C is what the server knows, P the plural rule.
// It polls the now-serving document, shows how the queue moves and goes in when the number is called.
var D = document, T = C.texts || {}, fails = 0, spoken = +new Date(), heard = 0, timer, pending, words,
  first, epoch, low = C.poll ? C.ahead : null, start = C.start;
function $(id) { return D.getElementById(id); }
function put(id, text) { var e = $(id); if (e && e.textContent !== text) e.textContent = text; }
function fill(form, value) { return form.replace("#", value); }
function enter() { location.replace(D.forms[0].back.value); }
// Every wait is spread by a fifth to both sides, so that pages do not ask all at once.
function later(run, seconds) {
  clearTimeout(timer);
  timer = setTimeout(run, seconds * (800 + 400 * Math.random()));
}
// A screen reader hears at most one sentence a minute: the newest one.
function speak() {
  pending = 0;
  spoken = +new Date();
  put("say", words);
}
function say(text) {
  words = text;
  if (!pending) pending = setTimeout(speak, Math.max(0, spoken + 60000 - new Date()));
}
// Outward rounding, as the server does it.
function span(a, b) {
  var hours = b > 7200, unit = hours ? 3600 : 60, bottom = Math.floor(a / unit), top = Math.max(1, Math.ceil(b / unit));
  return fill(T.wait, fill(hours ? T.hours : T.min,
    bottom < 1 ? fill(T.upto, top) : bottom === top ? top : bottom + "\u2013" + top));
}
// Places before this one are counted down in proportion, so that the number never rises and ends at 0.
function show(left) {
  if (first === undefined) first = left;
  if (low === null) return;
  var k = first ? left / first : 0, text;
  low = Math.min(low, Math.ceil(C.ahead * k));
  text = low ? fill(T.ahead[P(low)], low) : T.next;
  if (C.high !== null) {
    text += " " + span(C.low * k, C.high * k);
    if (C.high * k <= 120 && D.title !== T.soon[0]) {
      D.title = T.soon[0];
      put("h", T.soon[0]);
      put("act", T.soon[1]);
      text = T.soon[0] + ". " + text;
    }
  }
  put("now", text);
  say(text);
  bar();
}
// Without the server's number the first one seen in this tab is the start of the bar.
function bar() {
  var b = $("bar"), key = "talon:" + C.room + C.number;
  try {
    start = start || +sessionStorage.getItem(key) || low;
    sessionStorage.setItem(key, start);
  } catch (e) { start = start || low; }
  if (start) {
    b.max = start;
    b.value = start - low;
    b.hidden = false;
  }
}
function group(state) { return state === "paused" || state === "store_down" ? state : "moves"; }
function every(p) { p = p && typeof p === "object" ? p[C.lane] : p; return Math.min(120, Math.max(1, +p || C.every)); }
function lost() {
  fails++;
  if (fails > 2) {
    $("off").hidden = false;
    say($("off").textContent);
  }
  later(poll, Math.min(120, C.every * Math.pow(2, Math.min(fails, 6))));
}
function news(d) {
  var lane = d.lanes && d.lanes[C.lane], wait = every(d.poll_seconds);
  if (fails > 2) say($("now") ? $("now").textContent : D.title);
  fails = 0;
  heard = +new Date();
  $("off").hidden = true;
  if (lane && lane.serving >= C.number) return enter();
  if (epoch === undefined) epoch = d.epoch;
  if (d.state === "open" || d.epoch !== epoch || group(d.state) !== C.group) return later(enter, wait);
  put("at", new Date().toLocaleTimeString(C.lang, { timeStyle: "long" }));
  if (lane) show(Math.max(0, C.number - lane.serving - 1));
  later(poll, wait);
}
function poll() {
  var x = new XMLHttpRequest(), d;
  x.open("GET", C.poll);
  x.timeout = 10000;
  x.onreadystatechange = function () {
    if (x.readyState !== 4) return;
    try { d = x.status === 200 && JSON.parse(x.responseText); } catch (e) { d = 0; }
    if (d) news(d); else lost();
  };
  x.send();
}
// A phone that wakes up asks at once.
D.addEventListener("visibilitychange", function () {
  if (!D.hidden && C.poll && new Date() - heard > 5000) later(poll, 0.1);
});
if (!C.poll) later(enter, C.every);
else {
  if (low !== null) bar();
  later(poll, C.every);
}
