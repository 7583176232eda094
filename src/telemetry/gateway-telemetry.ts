import { Counter, Histogram, type Registry } from "prom-client";
import type { GatewayEvents } from "../gateway/gateway-events.ts";
import type { Logger } from "./logger.ts";
import type { CountRefusal } from "./refusal-telemetry.ts";
import type { TrafficFeed } from "./traffic-feed.ts";

/** Whole exchanges: the upstream's time dominates. */
const EXCHANGE_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const UNWATCHED = { isWatched: false, tell: () => undefined };

/** Counts what the gateway tells, and logs what an operator should look into. Finished exchanges are logged at `debug`. */
export function createGatewayTelemetry(
  registry: Registry,
  logger: Logger,
  traffic: Pick<TrafficFeed, "isWatched" | "tell"> = UNWATCHED,
  refused: CountRefusal = () => undefined,
): GatewayEvents {
  const counters = createCounters(registry);
  const durations = new Histogram({
    name: "farebox_exchange_seconds",
    help: "From a request's head to the end of its answer.",
    labelNames: ["endpoint"],
    buckets: EXCHANGE_BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    finished: (exchange, outcome) => {
      const endpoint = exchange.endpoint ?? "none";
      counters.exchanges.inc({ endpoint, status: String(exchange.status) });
      durations.observe({ endpoint }, exchange.ms / 1000);
      logger.debug(exchange, "finished");
      // Who had gone was told nothing.
      if (outcome.refusal !== undefined && exchange.status !== 0) refused(outcome.refusal);
      if (traffic.isWatched) traffic.tell(exchange, outcome);
    },
    upstreamFailed: (failure) => {
      counters.upstreamFailures.inc({ upstream: failure.upstream, code: failure.code });
      logger.warn(failure, "the upstream could not be used");
    },
    refunded: (refund) => {
      counters.refunds.inc();
      logger.warn(refund, "a charge was reversed because the response broke after its head");
    },
    detached: (call) => {
      counters.detached.inc({ finished: String(call.finished) });
      logger.debug(call, "a client left after its request had been forwarded");
    },
    usageNotSpliced: (response) => {
      counters.usageNotSpliced.inc({ endpoint: response.endpoint });
      logger.warn(response, "the usage object could not be put into the body");
    },
    clientBroken: (code) => {
      counters.clientsBroken.inc({ code });
      logger.debug({ code }, "a client did not speak HTTP");
    },
    socketRefused: (address) => {
      counters.socketsRefused.inc();
      logger.debug({ address }, "a connection was refused: its address has too many");
    },
    certificateLoaded: ({ expiresAt }) => {
      logger.info({ expiresAt }, "the changed certificate is in use");
    },
    certificateRefused: (reason) => {
      counters.certificatesRefused.inc();
      logger.error({ reason }, "the changed certificate cannot be used; the one before stays in use");
    },
    failed: (requestId, error) => {
      counters.failures.inc();
      logger.error({ requestId, err: error }, "a request died of a fault");
    },
  };
}

function createCounters(registry: Registry) {
  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter<Label>({ name: `farebox_${name}_total`, help, labelNames, registers: [registry] });
  return {
    exchanges: counter("exchanges", "Answered requests.", ["endpoint", "status"]),
    upstreamFailures: counter("upstream_failures", "Upstreams that could not be used.", ["upstream", "code"]),
    refunds: counter(
      "broken_response_refunds",
      "Charges reversed because the response broke after its head.",
    ),
    detached: counter("detached_calls", "Clients that left after their request was forwarded.", ["finished"]),
    usageNotSpliced: counter("usage_not_spliced", "Usage objects that did not fit the body.", ["endpoint"]),
    clientsBroken: counter("clients_broken", "Connections that did not speak HTTP.", ["code"]),
    socketsRefused: counter("sockets_refused", "Connections over the limit of their address."),
    certificatesRefused: counter("certificates_refused", "Changed certificates that could not be used."),
    failures: counter("faults", "Requests that died of a fault of Farebox."),
  };
}
