// Line charts in SVG. A series is {name, look, kind, points: [[seconds, value or null]]} or, for a band,
// {name, look, kind: "band", points: [[seconds, low, high]]}; steps hold their value until the next point.
var SVG = "http://www.w3.org/2000/svg";
var MARGIN = { left: 46, right: 12, top: 8, bottom: 24 };
function shape(name, attributes, text) {
  var node = document.createElementNS(SVG, name);
  Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
  if (text !== undefined) node.textContent = text;
  return node;
}
// The next of 1, 2, 2.5, 5, 10, ... at or above a quarter of the highest value.
function tick(top) {
  var raw = top / 4, power = Math.pow(10, Math.floor(Math.log10(raw)));
  return [1, 2, 2.5, 5, 10].map(function (m) { return m * power; }).filter(function (m) { return m >= raw * 0.9999; })[0];
}
function highest(series) {
  var top = 1;
  series.forEach(function (one) {
    one.points.forEach(function (point) { top = Math.max(top, point[1] || 0, point[2] || 0); });
  });
  return top;
}
// A path with a gap wherever the value is not known.
function path(points, x, y) {
  var drawn = false;
  return points.map(function (point) {
    if (point[1] === null) { drawn = false; return ""; }
    var command = drawn ? "L" : "M";
    drawn = true;
    return command + x(point[0]).toFixed(1) + " " + y(point[1]).toFixed(1);
  }).join("");
}
// Steps become corners: each value reaches to the start of the next.
function corners(points, column, end) {
  var out = [];
  points.forEach(function (point, at) {
    var next = at + 1 < points.length ? points[at + 1][0] : end;
    out.push([point[0], point[column]], [next, point[column]]);
  });
  return out;
}
function draw(one, x, y, end) {
  if (!one.points.length) return [];
  if (one.kind !== "band") {
    return [shape("path", { d: path(one.points, x, y), "class": (one.kind === "dash" ? "thin " : "line ") + one.look })];
  }
  var low = corners(one.points, 1, end), high = corners(one.points, 2, end);
  return [shape("path", { d: path(high.concat(low.reverse()), x, y) + "Z", "class": "area " + one.look })];
}
// The value of a series at a moment: the last point at or before it, unless that is too old.
function valueAt(one, moment) {
  var found = null;
  one.points.forEach(function (point) {
    if (point[0] <= moment && (one.kind === "band" || one.hold || moment - point[0] < 3)) found = point;
  });
  return found;
}
function legend(box, series, moment, unit) {
  box.replaceChildren.apply(box, series.map(function (one) {
    var point = valueAt(one, moment), swatch = document.createElement("i"), item = document.createElement("span");
    var figure = document.createElement("em"), text = "\u2013";
    if (point && point[1] !== null) text = one.kind === "band" ? number(point[1], 1) + "\u2013" + number(point[2], 1) : number(point[1], unit ? 1 : 0);
    swatch.className = one.kind || "";
    item.className = one.look;
    figure.textContent = " " + one.name + " " + text + (text === "\u2013" ? "" : unit);
    item.append(swatch, figure);
    return item;
  }));
}
function axes(frame, from, to, top, step) {
  var parts = [], value, moment;
  for (value = 0; value <= top + step / 2; value += step) {
    parts.push(shape("line", { x1: MARGIN.left, x2: frame.width - MARGIN.right, y1: frame.y(value), y2: frame.y(value), "class": "grid" }));
    parts.push(shape("text", { x: MARGIN.left - 8, y: frame.y(value) + 4, "text-anchor": "end" }, number(value, step < 1 ? 1 : step % 1 ? 1 : 0)));
  }
  for (moment = Math.ceil(from / 60) * 60; moment <= to; moment += 60) {
    parts.push(shape("text", { x: frame.x(moment), y: frame.height - 6, "text-anchor": "middle" }, clock(moment, false)));
  }
  return parts;
}
// Draws the series from `from` to `to` and returns nothing; `svg.cursor` is a moment pointed at, or null.
function chart(svg, box, series, from, to, now, unit) {
  var size = svg.getBoundingClientRect(), step = tick(highest(series) * 1.05);
  var top = Math.ceil(highest(series) * 1.05 / step) * step;
  var wide = size.width - MARGIN.left - MARGIN.right, tall = size.height - MARGIN.top - MARGIN.bottom;
  var frame = {
    width: size.width,
    height: size.height,
    x: function (t) { return MARGIN.left + wide * Math.min(1, Math.max(0, (t - from) / (to - from))); },
    y: function (v) { return MARGIN.top + tall * (1 - v / top); }
  };
  var parts = axes(frame, from, to, top, step);
  series.forEach(function (one) { parts = parts.concat(draw(one, frame.x, frame.y, to)); });
  if (now < to) parts.push(shape("line", { x1: frame.x(now), x2: frame.x(now), y1: MARGIN.top, y2: frame.y(0), "class": "now" }));
  var moment = svg.cursor ? from + (to - from) * (svg.cursor - MARGIN.left) / wide : now;
  if (svg.cursor) parts.push(shape("line", { x1: frame.x(moment), x2: frame.x(moment), y1: MARGIN.top, y2: frame.y(0), "class": "cursor" }));
  svg.setAttribute("viewBox", "0 0 " + size.width + " " + size.height);
  svg.replaceChildren.apply(svg, parts);
  legend(box, series, moment, unit);
}
function followPointer(svg, redraw) {
  svg.cursor = null;
  svg.addEventListener("pointermove", function (event) { svg.cursor = Math.max(MARGIN.left, event.clientX - svg.getBoundingClientRect().left); redraw(); });
  svg.addEventListener("pointerleave", function () { svg.cursor = null; redraw(); });
}
