// The script of the page before the queue: ES5 only. C is what the server knows. It waits a moment and goes on.
var D = document, began = +new Date();
function go() { location.replace(D.forms[0].back.value); }
function later() { setTimeout(go, Math.max(0, began + C.after * 1000 - new Date())); }
if (!C.bits) later();
