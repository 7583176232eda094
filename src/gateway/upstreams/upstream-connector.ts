import type { Socket } from "node:net";
import { buildConnector } from "undici";

/**
 * undici's code of a connection that ended in the middle of something: calls that wait for a connection get another one, the
 * call under way fails.
 */
const CUT = "UND_ERR_SOCKET";

/** A connection ended in a way that does not say that everything was sent. */
class ConnectionCut extends Error {
  override readonly name = "ConnectionCut";
  readonly code = CUT;
}

/**
 * Connects to upstreams as undici does, but for one thing: what ends a body that has neither a length nor chunks. undici takes
 * any end of the connection for it, a reset too, and over TLS an end that nobody signed. RFC 9112 §9.8 calls both incomplete:
 * a response that broke off would be charged as a whole one.
 */
export function connectUpstream(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return (target, callback) => {
    if (target.protocol !== "https:") {
      connect(target, (error, socket) => {
        if (error !== null) callback(error, null);
        else callback(null, tellReset(socket));
      });
      return;
    }
    // The transport is opened first, because its end is compared with that of TLS.
    connect({ ...target, protocol: "http:" }, (failed, transport) => {
      if (failed !== null) {
        callback(failed, null);
        return;
      }
      connect({ ...target, httpSocket: transport }, (error, socket) => {
        if (error !== null) callback(error, null);
        else callback(null, tellUnsignedEnd(tellReset(socket), transport));
      });
    });
  };
}

/** A reset is no end of a body, however the body is framed. Runs before undici's own listener, which knows it by its code. */
function tellReset(socket: Socket): Socket {
  return socket.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ECONNRESET") error.code = CUT;
  });
}

/**
 * An end of the transport without TLS's own `close_notify` is an error: anybody on the way can send a FIN. Node tells both as
 * `end`, so what is asked is whether the transport is still read when TLS ends: it is when `close_notify` ended it. What was
 * received before is delivered first, since a body with a length or chunks may be complete without it.
 */
function tellUnsignedEnd(socket: Socket, transport: Socket): Socket {
  const push = socket.push.bind(socket);
  const emit = socket.emit.bind(socket);
  // The hook by which Readable asks for more.
  const read = socket._read.bind(socket);
  let isHeldUp = false;
  let isCut: boolean | undefined;
  socket._read = (size) => {
    isHeldUp = false;
    read(size);
  };
  socket.push = (chunk, encoding) => {
    // While the reader is behind, the transport is not read: its end cannot have been seen.
    if (chunk === null) isCut ??= !isHeldUp && !isBeingRead(transport);
    const wantsMore = push(chunk, encoding);
    isHeldUp = !wantsMore;
    return wantsMore;
  };
  socket.emit = (event: string | symbol, ...details: unknown[]) => {
    if (event !== "end" || isCut !== true) return emit(event, ...details);
    socket.destroy(new ConnectionCut("the TLS connection ended without close_notify"));
    return true;
  };
  return socket;
}

/**
 * libuv stops reading at the end of a stream, and refuses to start what it is doing. There is no public way to ask; where this
 * one is missing every end counts as a signed one.
 */
function isBeingRead(transport: Socket): boolean {
  const handle: unknown = Reflect.get(transport, "_handle");
  if (typeof handle !== "object" || handle === null) return true;
  const start: unknown = Reflect.get(handle, "readStart");
  return typeof start !== "function" || Reflect.apply(start, handle, []) !== 0;
}
