// Proof of work, put behind entry.js where it is asked for: a text N such that SHA-256(slip|N) begins with C.bits zeros.
// It is looked for in pieces, so that the page stays alive, and kept in a cookie that the way in reads.
var K = [], H = [], tried = 0;
function part(x) { return (x - Math.floor(x)) * 4294967296 | 0; }
// The constants are fractional parts of the roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3).
function roots() {
  var n, d;
  for (n = 2; K.length < 64; n++) {
    for (d = 2; d * d <= n && n % d; d++);
    if (d * d > n) {
      if (H.length < 8) H.push(part(Math.sqrt(n)));
      K.push(part(Math.pow(n, 1 / 3)));
    }
  }
}
function turn(x, n) { return x >>> n | x << 32 - n; }
// One block of sixteen words into a state of eight (FIPS 180-4, 6.2.2).
function block(state, w) {
  var s = state, i, a, b, t;
  for (i = 0; i < 64; i++) {
    if (i > 15) {
      a = w[i - 15];
      b = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ a >>> 3) + (turn(b, 17) ^ turn(b, 19) ^ b >>> 10) | 0;
    }
    a = s[0];
    b = s[4];
    t = s[7] + (turn(b, 6) ^ turn(b, 11) ^ turn(b, 25)) + (b & s[5] ^ ~b & s[6]) + K[i] + w[i] | 0;
    a = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a & s[1] ^ a & s[2] ^ s[1] & s[2]) | 0;
    s = [t + a | 0, s[0], s[1], s[2], s[3] + t | 0, s[4], s[5], s[6]];
  }
  for (i = 0; i < 8; i++) s[i] = s[i] + state[i] | 0;
  return s;
}
// Takes whole blocks of text into the state; with a length it is the end of a text so long, and is filled up.
function absorb(state, text, length) {
  var end = text.length, size = length ? (end + 72 >> 6) * 64 : end, w = [], i;
  for (i = 0; i < size / 4; i++) w[i] = 0;
  for (i = 0; i < end; i++) w[i >> 2] |= text.charCodeAt(i) << 24 - i % 4 * 8;
  if (length) {
    w[end >> 2] |= 128 << 24 - end % 4 * 8;
    w[size / 4 - 1] = length * 8;
  }
  for (i = 0; i < w.length; i += 16) state = block(state, w.slice(i, i + 16));
  return state;
}
function work(state, tail, length) {
  var pause = +new Date() + 40, text;
  while (new Date() < pause) {
    text = (tried++).toString(36);
    if (absorb(state, tail + text, length + text.length)[0] >>> 32 - C.bits === 0) {
      D.cookie = "talon_proof=" + text + ";path=/;max-age=300;samesite=lax" + (location.protocol === "https:" ? ";secure" : "");
      return later();
    }
  }
  setTimeout(function () { work(state, tail, length); }, 0);
}
function prove(text) {
  var whole = text.length - text.length % 64;
  roots();
  work(absorb(H, text.slice(0, whole)), text.slice(whole), text.length);
}
prove(C.slip + "|");
