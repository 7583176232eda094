import type { Mutation } from "../mutation.ts";

export const GATEWAY: readonly Mutation[] = [
  {
    name: "settle after responding",
    why: "A crash or a refused charge after the answer gives the result away.",
    file: "src/exchange/upstream/charged-delivery.ts",
    search: "    void settled.then(\n",
    replacement:
      "    sendUpstreamBody(exchange, { ...head, headers: [...head.headers] }, body);\n    void settled.then(\n",
    tests: [
      { file: "src/gateway/gateway-storage.test.ts", title: "a whole response" },
      { file: "tests/crash/instance-steps.test.ts", title: "before the charge's commit" },
    ],
  },
  {
    name: "stream before the charge",
    why: "The head of a streamed response leaves although the charge may never be committed.",
    file: "src/exchange/upstream/stream-delivery.ts",
    search: "    this.#pace();\n    void plan.open().then(",
    replacement: "    this.#flow([]);\n    void plan.open().then(",
    tests: [{ file: "src/gateway/gateway-storage.test.ts", title: "a streamed response" }],
  },
  {
    name: "keep the charge of a stream that broke",
    why: "A customer pays for an answer that was cut short.",
    file: "src/exchange/upstream/stream-plans.ts",
    search: "      await settlement?.refund(REFUND_REASON);\n",
    replacement: "",
    tests: [
      {
        file: "src/gateway/gateway.test.ts",
        title: "a fixed price that streams is charged at its head and refunded",
      },
    ],
  },
  {
    name: "parse and stringify instead of splice",
    why: "Large numbers lose digits and repeated names vanish from a body that the customer paid for.",
    file: "src/exchange/body/json-splice.ts",
    search: "  return pieces;\n",
    replacement: "  return [Buffer.from(JSON.stringify(JSON.parse(Buffer.concat(pieces).toString())))];\n",
    tests: [
      {
        file: "src/exchange/body/json-splice.test.ts",
        title: "adds the member and leaves every other byte as it was",
      },
      { file: "src/exchange/body/json-splice.test.ts", title: "keeps what parse and stringify would change" },
    ],
  },
  {
    name: "take a reset for the end of a body",
    why: "Half an answer that ends with its connection is charged as a whole one.",
    file: "src/gateway/upstreams/upstream-connector.ts",
    search: '    if (error.code === "ECONNRESET") error.code = CUT;\n',
    replacement: "    void error;\n",
    tests: [{ file: "src/gateway/gateway.test.ts", title: "that is reset in a body framed by" }],
  },
  {
    name: "charge as uncounted what expands too much to be counted",
    why: "Whoever asks for records that compress well gets all of them for the price of none.",
    file: "src/exchange/upstream/stream-plans.ts",
    search: 'read.kind === "over" ? mostOf(questions, admission.quote.units) :',
    replacement: 'read.kind === "over" ? { units: undefined } :',
    tests: [{ file: "src/gateway/gateway.test.ts", title: "a stream that expands more than is followed" }],
  },
  {
    name: "serve what was pipelined behind the last answer",
    why: "A request is charged whose answer can never be sent.",
    file: "src/gateway/client-sockets.ts",
    search: "connection === undefined || connection.isClosing",
    replacement: "connection === undefined",
    tests: [{ file: "src/gateway/gateway.test.ts", title: "what was pipelined behind the last answer" }],
  },
  {
    name: "join duplicate headers of the response",
    why: "Two Set-Cookie lines joined by a comma are one broken cookie.",
    file: "src/exchange/headers/response-headers.ts",
    search: "    headers.push(name, value);\n  }\n  const relayed",
    replacement: `    const same = headers.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === lower);
    if (same === -1) headers.push(name, value);
    else headers[same + 1] += \`, \${value}\`;
  }
  const relayed`,
    tests: [
      {
        file: "src/exchange/headers/response-headers.test.ts",
        title: "keeps order, spelling, repeats and bytes",
      },
      {
        file: "src/gateway/gateway.test.ts",
        title: "keeps status, body, order and spelling, and drops what is forged",
      },
    ],
  },
  {
    name: "join duplicate headers of the request",
    why: "The upstream sees another request than the one that was priced.",
    file: "src/exchange/headers/forward-headers.ts",
    search: `    if (passed !== undefined) forwarded.push(name, passed);`,
    replacement: `    const same = forwarded.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === name.toLowerCase());
    if (same === -1) forwarded.push(name, value);
    else forwarded[same + 1] += \`, \${value}\`;`,
    tests: [
      {
        file: "src/exchange/headers/forward-headers.test.ts",
        title: "keeps order, spelling and repeats of what it forwards",
      },
    ],
  },
  {
    name: "retry a request on reset",
    why: "An upstream that acted and then broke acts twice; a POST is no request to repeat.",
    file: "src/exchange/upstream/forward.ts",
    search: "  upstream.dispatcher.dispatch({ path, method: exchange.method, headers, body }, call);",
    replacement: `    const send = () => upstream.dispatcher.dispatch({ path, method: exchange.method, headers, body }, call);
    const failed = call.onResponseError.bind(call);
    let retried = false;
    call.onResponseError = (controller, error) => {
      if (retried) return failed(controller, error);
      retried = true;
      send();
    };
    send();`,
    tests: [{ file: "src/gateway/gateway.test.ts", title: "closes without an answer" }],
  },
  {
    name: "accept both a length and chunks",
    why: "Two servers frame the request differently: a second one is smuggled past the price.",
    file: "src/exchange/headers/request-guard.ts",
    search: `    if (length !== undefined) return { reason: "both content-length and transfer-encoding" };\n`,
    replacement: "",
    tests: [{ file: "src/exchange/headers/request-guard.test.ts", title: "refuses " }],
  },
  {
    name: "let clients set the headers that an upstream trusts",
    why: "A customer acts as another account at the upstream.",
    file: "src/exchange/headers/forward-headers.ts",
    search: "!removed.has(plainName) && !isOurHeader(plainName)",
    replacement: "!removed.has(plainName)",
    tests: [{ file: "src/exchange/headers/forward-headers.test.ts", title: "removes " }],
  },
  {
    name: "keep answers of a passing state under Idempotency-Key",
    why: "The upstream's 429 is replayed for a day to whoever retries as it asks.",
    file: "src/exchange/response/stored-response.ts",
    search: "new Set([401, 403, 408, 409, 425, 429])",
    replacement: "new Set([401, 403, 408, 409, 425])",
    tests: [{ file: "src/gateway/gateway.test.ts", title: "of the upstream frees the key: a retry runs" }],
  },
  {
    name: "leave the body out of what an Idempotency-Key stands for",
    why: "Another request under the same key gets the first one's answer instead of 422.",
    file: "src/exchange/request/read-needed-body.ts",
    search: "  if (hash !== undefined) await addToHash(hash, chunks);\n",
    replacement: "",
    tests: [{ file: "src/gateway/gateway.test.ts", title: "another request under the same key is refused" }],
  },
  {
    name: "take a body that cannot be read for none",
    why: "A request for everything has the price of one for nothing.",
    file: "src/exchange/request/read-needed-body.ts",
    search: 'if (read.kind === "unreadable") return unreadable(read.reason, reads);',
    replacement: 'if (read.kind === "unreadable") return ABSENT_BODY;',
    tests: [{ file: "src/gateway/gateway.test.ts", title: "a trailing comma" }],
  },
  {
    name: "read a header that is not forwarded",
    why: "Connection takes away what the price was chosen by.",
    file: "src/exchange/request/check-read-fields.ts",
    search: "head?.connectionNames.includes(name) !== true && ",
    replacement: "",
    tests: [{ file: "src/gateway/gateway.test.ts", title: "Connection: keep-alive, X-Tier" }],
  },
  {
    name: "charge above the caller's Credits-Max",
    why: "A call costs more than its caller was promised.",
    file: "src/meter/admission.ts",
    search: "max !== undefined && max < amount ? max : undefined",
    replacement: "undefined",
    tests: [
      {
        file: "src/gateway/gateway.test.ts",
        title: "binds the charge where the upstream returns more than it was asked for",
      },
    ],
  },
  {
    name: "charged answers may be cached",
    why: "A shared cache hands one customer's paid result to others, unpaid.",
    file: "src/exchange/response/settled-response.ts",
    search: `headers.push("Cache-Control", "private, no-store");`,
    replacement: "headers.push();",
    tests: [
      {
        file: "src/gateway/gateway.test.ts",
        title: "marks charged responses as private unless the upstream says otherwise",
      },
    ],
  },
  {
    name: "wait for the end of an event stream that is to be held back",
    why: "The client waits for ever for an answer that it has not paid for yet.",
    file: "src/exchange/upstream/decided-delivery.ts",
    search: "if (isEventStream(head)) return",
    replacement: "if (head.status === 0) return",
    tests: [{ file: "src/gateway/gateway.test.ts", title: "that is an event stream" }],
  },
  {
    name: "hold bodies for ever",
    why: "After half a gigabyte of uploads an account is refused until the process ends.",
    file: "src/exchange/response/end-exchange.ts",
    search: "  exchange.releaseBodies();\n",
    replacement: "",
    tests: [
      { file: "src/gateway/held-bodies.test.ts", title: "uploads of one account leave room for the others'" },
    ],
  },
  {
    name: "let one account use all memory for bodies",
    why: "A customer who reads nothing of what he asks for has the others' uploads refused.",
    file: "src/exchange/parts/held-bodies.ts",
    search: " || held + bytes > this.#most / 2",
    replacement: "",
    tests: [{ file: "src/gateway/held-bodies.test.ts", title: "and are refused beyond its half" }],
  },
];
