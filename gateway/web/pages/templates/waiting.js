// The waiting page's script: ES5 and XMLHttpRequest only. C is what the server knows, P the plural rule.
// It polls the now-serving document, shows how the queue moves and goes in when the number is called.
var D = document, M = Math, T = C.texts, began = Date.now(), heard = began, fails = 0, low = C.ahead, words, usual, offline, timer,
  epoch;
function $(id) { return D.getElementById(id); }
function put(id, text) { var e = $(id); if (e.textContent !== text) e.textContent = text; }
function fill(form, value) { return form.replace("#", value); }
function clock(at) { return new Date(at).toLocaleTimeString(C.lang, { timeStyle: "long" }); }
function enter() { location.replace(D.forms[0].back.value); }
// Every wait is spread by a fifth to both sides, so that pages do not ask all at once.
function later(run, seconds) {
  clearTimeout(timer);
  timer = setTimeout(run, seconds * (800 + 400 * M.random()));
}
// The status sentence is read aloud when it changes: once a minute it takes the newest words.
function speak() { put("now", words); }
// Outward rounding, as the server does it.
function span(a, b) {
  var hours = b > 7200, unit = hours ? 3600 : 60, bottom = M.floor(a / unit), top = M.max(1, M.ceil(b / unit));
  return fill(hours ? T.hours : T.min, bottom < 1 ? fill(T.upto, top) : bottom === top ? top : bottom + "\u2013" + top);
}
// Another state: headline and title, what to do, the button.
function face(text, time) {
  put("h", D.title = text[0]);
  put("act", fill(text[1], time));
  if (text[2]) put("go", text[2]);
}
// The number ahead never rises; the wait goes down in proportion.
function show(left) {
  low = M.min(low, left);
  var k = low / C.ahead || 0, high = C.high * k, wait;
  usual = low ? fill(T.ahead[P(low)], low) : T.next;
  put("n", low + "");
  if (C.high) {
    put("e", wait = span(C.low * k, high));
    usual += " " + fill(T.wait, wait);
    if (high <= 120) face(T.soon);
  }
  bar();
}
// The first number seen in this tab is the start of the bar.
function bar() {
  var b = $("bar"), key = "talon" + C.number, start = C.start || low;
  try {
    start = +sessionStorage.getItem(key) || start;
    sessionStorage.setItem(key, start);
  } catch (e) { }
  if (start) {
    b.max = start;
    b.value = start - low;
    b.hidden = false;
  }
}
// Whoever is away when the turn comes keeps the time to book: it begins with the button. The call came after the
// last answer without it, so the turn waits at least that long from there.
function called(end) {
  if (!D.hidden) {
    face([T.turn[0], T.book]);
    return enter();
  }
  C.poll = 0;
  face(T.turn, clock(end));
  words = T.turn[0];
  put("now", "");
  setTimeout(function () { face(T.missed); }, end - Date.now());
}
// A page without news asks for itself again, where somebody looks at it.
function again() {
  if (D.hidden) later(again, C.every); else enter();
}
function lost() {
  fails++;
  if (fails > 2) {
    put("off", words = fill(offline, clock(heard + C.kept * 1000)));
    $("off").hidden = false;
  }
  later(poll, M.min(120, C.every * M.pow(2, fails)));
}
function news(d) {
  var lane = d.lanes[C.lane], end = heard + C.claim * 1000, since, m;
  fails = 0;
  heard = Date.now();
  since = (heard - began) / 1000;
  $("off").hidden = true;
  if (lane && lane.serving >= C.number) return called(end);
  epoch = epoch || d.epoch;
  if (d.state !== C.state || d.epoch !== epoch) return later(enter, C.opens ? 1 : C.every);
  put("at", clock(heard));
  if (C.opens) {
    m = M.max(1, M.ceil((C.opens - since) / 60));
    usual = fill(T.opens[P(m)], m);
  } else if (lane && low >= 0) {
    show(C.number - lane.serving - 1);
    // Behind what was said by more than a fifth: the server knows the new estimate, and why.
    if (since > 60 && since + C.high * low / C.ahead > 1.2 * C.high + 30) return enter();
  }
  words = usual;
  later(poll, C.every);
}
function poll() {
  var x = new XMLHttpRequest(), d;
  x.open("GET", C.poll);
  x.timeout = 10000;
  x.onreadystatechange = function () {
    if (x.readyState < 4) return;
    try { d = JSON.parse(x.responseText); } catch (e) { }
    if (d && d.lanes) news(d); else lost();
  };
  x.send();
}
if (C.poll) {
  words = usual = $("now").textContent;
  offline = $("off").textContent;
  $("ck").hidden = navigator.cookieEnabled;
  if (low >= 0) bar();
  setInterval(speak, 60000);
  later(poll, C.every);
  // A phone that wakes up asks at once.
  D.addEventListener("visibilitychange", function () {
    if (!D.hidden && C.poll && Date.now() - heard > 5000) later(poll, 0.1);
  });
} else later(again, C.every);
