import { API_REQUESTS, type Endpoint } from "@jetmesh/protocol";
import { type Connection, type Incoming, type Responder, respond } from "@jetmesh/storage";

/**
 * The gateway as a NATS micro service (ADR-32), so that `nats micro ls|info|stats|ping` see it: answers to
 * `$SRV.PING|INFO|STATS`, alone, with the name, and with the name and the id.
 */
export const SERVICE_NAME = "jetmesh";
export const SERVICE_VERSION = "0.1.0";
/** Gateways share requests under this queue group, as ADR-32 has it. */
export const QUEUE_GROUP = "q";

interface EndpointStats {
  requests: number;
  errors: number;
  nanoseconds: number;
  lastError: string;
}

export interface MicroService extends Responder {
  record(endpoint: Endpoint, milliseconds: number, error: string | undefined): void;
}

export function serveMicro(connection: Connection, id: string, apiPrefix: string): MicroService {
  const started = new Date().toISOString();
  const stats = new Map<Endpoint, EndpointStats>();
  const endpoints = Object.keys(API_REQUESTS) as Endpoint[];
  const about = { name: SERVICE_NAME, id, version: SERVICE_VERSION, metadata: {} };
  // An endpoint's name may have no dot; its subject does.
  const describe = (endpoint: Endpoint): { name: string; subject: string; queue_group: string } => ({
    name: endpoint.replaceAll(".", "-"),
    subject: `${apiPrefix}.*.${endpoint}`,
    queue_group: QUEUE_GROUP,
  });

  const answers: Readonly<Record<string, () => unknown>> = {
    PING: () => ({ ...about, type: "io.nats.micro.v1.ping_response" }),
    INFO: () => ({
      ...about,
      type: "io.nats.micro.v1.info_response",
      description: "the lifecycle of long-lived things",
      endpoints: endpoints.map((endpoint) => ({ ...describe(endpoint), metadata: {} })),
    }),
    STATS: () => ({
      ...about,
      type: "io.nats.micro.v1.stats_response",
      started,
      endpoints: endpoints.map((endpoint) => {
        const { requests = 0, errors = 0, nanoseconds = 0, lastError = "" } = stats.get(endpoint) ?? {};
        return {
          ...describe(endpoint),
          num_requests: requests,
          num_errors: errors,
          last_error: lastError,
          processing_time: nanoseconds,
          average_processing_time: requests === 0 ? 0 : Math.round(nanoseconds / requests),
        };
      }),
    }),
  };

  const responders = Object.entries(answers).flatMap(([verb, answer]) =>
    [`$SRV.${verb}`, `$SRV.${verb}.${SERVICE_NAME}`, `$SRV.${verb}.${SERVICE_NAME}.${id}`].map((subject) =>
      respond(connection, subject, undefined, (request: Incoming) => request.reply(answer())),
    ),
  );

  return {
    record(endpoint, milliseconds, error) {
      const one = stats.get(endpoint) ?? { requests: 0, errors: 0, nanoseconds: 0, lastError: "" };
      stats.set(endpoint, one);
      one.requests += 1;
      one.nanoseconds += Math.round(milliseconds * 1e6);
      if (error === undefined) return;
      one.errors += 1;
      one.lastError = error;
    },
    stop: async () => void (await Promise.all(responders.map((responder) => responder.stop()))),
  };
}
