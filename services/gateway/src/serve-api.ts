import { API_REQUESTS, type Endpoint, isEndpoint, readBody } from "@jetmesh/protocol";
import { RefusedError, statusOf } from "@jetmesh/service-kit";
import { type Incoming, type RemoteError, type Responder, respond, UnavailableError } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { handOver } from "./hand-over.ts";
import { type MicroService, QUEUE_GROUP } from "./micro-service.ts";

/**
 * One request: parse the subject, parse the body, and hand it to its endpoint, which asks authz; then reply.
 * Every request ends in a reply, or, where its sender wants none and it failed, in a dead letter.
 */
export interface ServedApi extends Responder {
  readonly inFlight: number;
  idle(): Promise<void>;
}

export function serveApi(deps: GatewayDeps, micro: MicroService): ServedApi {
  const running = new Set<Promise<void>>();
  const responder = respond(deps.connection, deps.names.api.all, QUEUE_GROUP, (request) => {
    if (running.size >= deps.config.JM_CONCURRENCY) {
      const message = "the gateway serves as many requests as it can";
      return refuse(request, new RefusedError("overloaded", message, { retryAfterMs: 500 }));
    }
    const task = serve(deps, micro, request).finally(() => running.delete(task));
    running.add(task);
  });
  return {
    get inFlight() {
      return running.size;
    },
    stop: () => responder.stop(),
    idle: async () => void (await Promise.allSettled(running)),
  };
}

async function serve(deps: GatewayDeps, micro: MicroService, request: Incoming): Promise<void> {
  const began = performance.now();
  let endpoint: Endpoint | undefined;
  let problem: string | undefined;
  try {
    const parsed = parseSubject(deps, request.subject);
    endpoint = parsed.endpoint;
    const body = parseBody(endpoint, request.data);
    const handle = ENDPOINTS[endpoint] as (
      deps: GatewayDeps,
      user: string,
      body: unknown,
    ) => Promise<unknown>;
    request.reply(await handle(deps, parsed.user, body));
  } catch (thrown) {
    const refusal = toRefusal(deps, request, thrown);
    problem = refusal.refusal.code;
    refuse(request, refusal);
    if (!request.canReply) await bury(deps, request, refusal);
  }
  if (endpoint !== undefined) micro.record(endpoint, performance.now() - began, problem);
}

function parseSubject(deps: GatewayDeps, subject: string): { user: string; endpoint: Endpoint } {
  const parsed = deps.names.api.parse(subject);
  if (parsed === undefined)
    throw new RefusedError(
      "invalid_request",
      `the subject must be ${deps.names.prefix}.api.<user>.<endpoint>`,
    );
  if (!isEndpoint(parsed.endpoint))
    throw new RefusedError("unknown_endpoint", `there is no endpoint '${parsed.endpoint}'`);
  return { user: parsed.user, endpoint: parsed.endpoint };
}

/** More faults than this tell a person nothing more, and an answer has its limits. */
const MOST_FAULTS = 50;

function parseBody(endpoint: Endpoint, data: Uint8Array): unknown {
  const body = readBody(data);
  if (!body.ok) throw new RefusedError(body.code, body.reason);
  const parsed = API_REQUESTS[endpoint].safeParse(body.value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, MOST_FAULTS).map(({ path, message }) => ({ path, message }));
  const first = faults[0];
  throw new RefusedError(
    "invalid_request",
    `${first?.path.join(".") ?? ""}: ${first?.message ?? ""}`.replace(/^: /, ""),
    { faults },
  );
}

function toRefusal(deps: GatewayDeps, request: Incoming, thrown: unknown): RefusedError {
  if (thrown instanceof RefusedError) return thrown;
  if (thrown instanceof UnavailableError) return new RefusedError("unavailable", thrown.message);
  deps.log.error({ err: thrown, subject: request.subject }, "a request failed");
  return new RefusedError("internal", "the gateway failed; its log has the details");
}

function refuse(request: Incoming, { refusal: { code, message, details } }: RefusedError): void {
  const body: RemoteError = { code, message, ...(details === undefined ? {} : { details }) };
  request.replyError(statusOf(code), body);
}

async function bury(
  deps: GatewayDeps,
  request: Incoming,
  { refusal: { code, message } }: RefusedError,
): Promise<void> {
  const { subject, data } = request;
  const letter = {
    v: 1,
    subject,
    code,
    reason: message,
    size: data.length,
    data: Buffer.from(data.subarray(0, 64 * 1024)).toString("base64"),
  } as const;
  await handOver(deps, "state-store.dead", letter).catch((thrown: unknown) =>
    deps.log.error({ err: thrown, subject, code }, "a refused request without a reply was lost"),
  );
}
