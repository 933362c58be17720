// For nginx on a node: does the field Talon-Gateway fit the request line, and is it at most half a minute old?
import crypto from "crypto";
import fs from "fs";

function accepts(r) {
  var field = r.headersIn["Talon-Gateway"] || "";
  var found = field.match(/^(\d{1,12})\.([0-9a-f]{64})$/);
  if (!found || Math.abs(Date.now() / 1000 - Number(found[1])) > 30) {
    return "no";
  }
  var secret = fs.readFileSync(r.variables.talon_secret_file).toString().trim();
  // Both sides are hashed once more, so that the time of comparing says nothing of how much was right.
  var said = crypto.createHmac("sha256", secret).update(found[2]).digest("hex");
  var text = found[1] + "\n" + r.method + "\n" + r.variables.request_uri;
  var right = crypto.createHmac("sha256", secret).update(text).digest("hex");
  return said === crypto.createHmac("sha256", secret).update(right).digest("hex") ? "yes" : "no";
}

export default { accepts };
