// What a call may cost is held before the API is asked, and settled by its answer before the customer has it. The answer is kept in memory
// meanwhile (subrequest_output_buffer_size). njs 0.7 knows no newer JavaScript than this.

// Of a connection, or made anew by nginx.
var OURS = [
  "connection",
  "content-length",
  "content-type",
  "date",
  "keep-alive",
  "last-modified",
  "server",
  "transfer-encoding",
];

async function serve(r) {
  var call = { hold: null };
  try {
    await meter(r, call);
  } catch (error) {
    r.error("farebox: " + error.message);
    // The customer does not get the answer: what was charged meanwhile is refunded.
    if (call.hold !== null) await ask(r, "release", JSON.stringify({ hold: call.hold }));
    refuse(r, 503, "storage_unavailable");
  }
}

async function meter(r, call) {
  var told = headersOf(r);
  var decided = await ask(r, "authorize", requestOf(r, told));
  if (decided.status === 400 || decided.status === 422) return refuse(r, 400, "request_invalid");
  if (decided.status !== 200) return refuse(r, 503, "storage_unavailable");
  var decision = decided.body;
  if (decision.decision === "refused") {
    decision.answer.headers.push({ name: "X-Farebox-Reason", value: decision.code });
    return send(r, decision.answer, decision.answer.body);
  }
  if (decision.decision === "replay") return sendKept(r, decision.answer);
  call.hold = decision.hold;
  decision.upstreamHeaders.forEach(function (header) {
    r.variables[header.name.toLowerCase().replace(/-/g, "_")] = header.value;
  });
  var reply = await r.subrequest("/_api", { method: r.method });
  var answer = { status: reply.status, headers: decision.clientHeaders.concat(answerHeaders(reply)) };
  var body = reply.responseBuffer || Buffer.from("");
  if (!isWhole(r, reply, body)) throw new Error("the API's answer broke off");
  if (call.hold === null) return send(r, answer, body);
  var settled = await ask(r, "settle", JSON.stringify(settlementOf(call.hold, told, answer, reply, body)));
  if (settled.status !== 200) throw new Error("the call was not settled");
  call.hold = null;
  var outcome = settled.body;
  if (outcome.outcome === "refused") return send(r, outcome.answer, outcome.answer.body);
  if (outcome.outcome === "superseded")
    return outcome.answer === null ? refuse(r, 409, "idempotency_conflict") : sendKept(r, outcome.answer);
  answer.headers = answer.headers.concat(outcome.headers);
  send(r, answer, body);
}

async function ask(r, operation, text) {
  var reply = await r.subrequest("/_farebox/" + operation, { method: "POST", body: text });
  return { status: reply.status, body: reply.status === 200 ? JSON.parse(reply.responseText) : undefined };
}

// Each name once: one that comes twice is joined, and is then nobody's key.
function headersOf(r) {
  var headers = {};
  r.rawHeadersIn.forEach(function (pair) {
    var name = pair[0].toLowerCase();
    headers[name] = headers[name] === undefined ? pair[1] : headers[name] + ", " + pair[1];
  });
  delete headers.cookie;
  return headers;
}

function requestOf(r, headers) {
  var text = JSON.stringify({
    id: r.variables.request_id,
    method: r.method,
    path: r.variables.request_uri,
    headers: headers,
    address: r.variables.remote_addr,
  });
  var body = jsonOf(r, headers);
  // As it came: Farebox refuses a member that is there twice.
  return body === undefined ? text : text.slice(0, -1) + ',"body":' + body + "}";
}

// Undefined: no JSON, or more than client_body_buffer_size. A price that reads it then refuses the call.
function jsonOf(r, headers) {
  if (!/^application\/(?:[^;]*\+)?json *(?:;|$)/i.test(headers["content-type"] || "")) return undefined;
  try {
    JSON.parse(r.requestText);
    return r.requestText;
  } catch (error) {
    r.log("farebox: the body is not told: " + error.message);
    return undefined;
  }
}

// For a price per result the API says how many there were, as it would to the gateway.
function settlementOf(hold, told, answer, reply, body) {
  var settlement = { hold: hold, status: answer.status };
  var results = Number(reply.headersOut["X-Results"]);
  if (reply.headersOut["X-Results"] !== undefined && results >= 0) settlement.units = results;
  if (told["idempotency-key"] !== undefined)
    settlement.answer = { headers: answer.headers, body: body.toString("base64") };
  return settlement;
}

function answerHeaders(reply) {
  var headers = [];
  // nginx keeps these apart from the list.
  ["Content-Type", "Last-Modified"].forEach(function (name) {
    if (reply.headersOut[name] !== undefined) headers.push({ name: name, value: reply.headersOut[name] });
  });
  reply.rawHeadersOut.forEach(function (pair) {
    if (OURS.indexOf(pair[0].toLowerCase()) === -1) headers.push({ name: pair[0], value: pair[1] });
  });
  return headers;
}

function isWhole(r, reply, body) {
  var length = reply.headersOut["Content-Length"];
  return r.method === "HEAD" || length === undefined || Number(length) === body.length;
}

function send(r, answer, body) {
  var lists = {};
  answer.headers.forEach(function (header) {
    lists[header.name] = (lists[header.name] || []).concat(header.value);
  });
  Object.keys(lists).forEach(function (name) {
    r.headersOut[name] =
      name.toLowerCase() === "set-cookie" ? lists[name] : lists[name][lists[name].length - 1];
  });
  // njs would take the body of a redirection for its address.
  if (r.method !== "HEAD" && [301, 302, 303, 307, 308].indexOf(answer.status) === -1) {
    r.return(answer.status, body);
    return;
  }
  r.status = answer.status;
  if (r.method !== "HEAD") r.headersOut["Content-Length"] = "0";
  r.sendHeader();
  r.finish();
}

function sendKept(r, answer) {
  send(r, answer, Buffer.from(answer.body, "base64"));
}

function refuse(r, status, code) {
  var headers = [{ name: "Content-Type", value: "application/problem+json" }];
  if (status === 503) headers.push({ name: "Retry-After", value: "1" });
  send(r, { status: status, headers: headers }, JSON.stringify({ status: status, code: code }));
}

export default { serve };
