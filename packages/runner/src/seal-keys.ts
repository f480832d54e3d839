import { type ResealReply, ResealRequest, type SvcRequest } from "@jetmesh/protocol";
import {
  ensureError,
  type Responder,
  readJson,
  readSealKeys,
  respond,
  type SealKey,
  seal,
} from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import { openIn } from "./secret-reader.ts";

/**
 * The key pairs that open secrets, from a file that is read again each time: it is how a runner comes to hold another one. One
 * that cannot be read is as good as empty, and said to be so.
 */
export function sealKeysOf({ config, log }: Pick<RunnerDeps, "config" | "log">): () => readonly SealKey[] {
  const { JM_SECRETS_SEED_FILE: file } = config;
  return () => {
    if (file === undefined) return [];
    try {
      return readSealKeys(file);
    } catch (thrown) {
      log.warn({ why: ensureError(thrown).message }, "the seeds of secrets cannot be read");
      return [];
    }
  };
}

/** The mesh is told of the key of a runner that has one: the first is the one that secrets are sealed to. */
export function keyRequest({
  sealKeys,
}: Pick<RunnerDeps, "sealKeys">): SvcRequest<"state-store.secret-key"> | undefined {
  const [first] = sealKeys();
  return first === undefined ? undefined : { v: 1, publicKey: first.publicKey };
}

type ResealDeps = Pick<RunnerDeps, "connection" | "names" | "log" | "sealKeys">;

/**
 * Seals what it can open to another key that it holds itself, so that whoever asks learns nothing. Only runners with seeds
 * listen.
 */
export function answerReseals(deps: ResealDeps): Responder {
  const subject = deps.names.svc.of("flight-plan-runner", "reseal");
  return respond(deps.connection, subject, "flight-plan-runner", (request) => {
    const parsed = ResealRequest.safeParse(readJson(request.data));
    if (!parsed.success)
      return request.replyError(400, { code: "invalid_request", message: parsed.error.message });
    const done = reseal(deps, parsed.data);
    if (typeof done === "string")
      return request.replyError(412, { code: "secret_unavailable", message: done });
    request.reply(done);
  });
}

function reseal({ sealKeys }: ResealDeps, { scope, to, secrets }: ResealRequest): ResealReply | string {
  const keys = sealKeys();
  if (!keys.some(({ publicKey }) => publicKey === to)) return `a runner does not hold the seed of ${to}`;
  const sealed: ResealReply["secrets"] = [];
  for (const secret of secrets) {
    const { name, version, by, at } = secret;
    const value = openIn(keys, scope, secret);
    if (value === undefined)
      return `a runner cannot open '${name}' of '${scope}', which is sealed to ${secret.key}`;
    sealed.push({ name, version, by, at, ...seal(JSON.stringify({ v: 1, scope, name, value }), to) });
  }
  return { v: 1, secrets: sealed };
}
