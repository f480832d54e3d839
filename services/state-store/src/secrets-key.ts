import { toInstant } from "@jetmesh/lifecycle";
import {
  type CurrentKey,
  ResealReply,
  type RotatedKey,
  SECRETS_KEY,
  type SealedSecret,
  type SecretsKey,
  type SvcRequest,
} from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { ask, NobodyThereError, type Stored, scanNewest } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { writeSecretsKey } from "./history.ts";

/** Records a request seals anew at most; whoever asks is told how many are left. */
const MOST_AT_ONCE = 20;
const ANSWER_MS = 10_000;
const MOST_TRIES = 20;

/** The key that secrets are sealed to; refused where no runner has brought one yet. */
export async function currentKey(deps: Pick<Deps, "store">): Promise<SecretsKey> {
  const stored = await readKey(deps);
  if (stored.kind === "record") return stored.value;
  throw new RefusedError("secret_unavailable", "no runner has brought a key that secrets could be sealed to");
}

/** Says which key it is; the first that a runner brings is the one, and no other by itself. */
export async function tellKey(
  deps: Pick<Deps, "store" | "clock">,
  { publicKey }: SvcRequest<"state-store.secret-key">,
): Promise<CurrentKey> {
  if (publicKey !== undefined && (await readKey(deps)).kind === "absent") {
    const first: SecretsKey = { v: 1, publicKey, at: toInstant(deps.clock.now()) };
    // A conflict: another runner was first.
    await deps.store.secretsKey.swap(SECRETS_KEY, first, 0, { point: "secret.key" });
  }
  const { v: _v, ...key } = await currentKey(deps);
  return key;
}

/**
 * Another key in place of the present one, where a runner holds it, and then whatever is sealed to an older one sealed to
 * it, record by record. Stopped anywhere it is asked for again, without a key, and goes on; runners hold both meanwhile.
 */
export async function rotateKey(
  deps: Deps,
  { user, publicKey: wanted }: SvcRequest<"state-store.secret-rotate">,
): Promise<RotatedKey> {
  const { publicKey } = wanted === undefined ? await currentKey(deps) : await useKey(deps, user, wanted);
  const { names, connection, store } = deps;
  const stale = await scanNewest(
    connection,
    names,
    names.buckets.secrets,
    Number.MAX_SAFE_INTEGER,
    (change) => (isStale(store.secrets.parse(change.data), publicKey) ? true : undefined),
  );
  let resealed = 0;
  for (const key of [...stale.keys()].slice(0, MOST_AT_ONCE))
    if (await resealRecord(deps, key, publicKey)) resealed += 1;
  return { publicKey, resealed, left: stale.size - resealed };
}

async function useKey(deps: Deps, user: string, publicKey: string): Promise<SecretsKey> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await readKey(deps);
    if (stored.kind === "record" && stored.value.publicKey === publicKey) return stored.value;
    // Whoever seals to it must not seal for nobody.
    await reseal(deps, "", publicKey, []);
    const next: SecretsKey = { v: 1, publicKey, at: toInstant(deps.clock.now()), by: user };
    const expected = stored.kind === "absent" ? 0 : stored.revision;
    const written = await deps.store.secretsKey.swap(SECRETS_KEY, next, expected, { point: "secret.key" });
    if (written.kind === "conflict") continue;
    await writeSecretsKey(deps, user, next);
    return next;
  }
  throw new RefusedError("conflict", "the key of secrets is changed too often just now");
}

const isStale = (stored: Stored<{ readonly secrets: readonly SealedSecret[] }>, publicKey: string): boolean =>
  stored.kind === "record" && stored.value.secrets.some(({ key }) => key !== publicKey);

/** False where somebody changed it meanwhile, who may have sealed it to either. */
async function resealRecord(deps: Deps, key: string, publicKey: string): Promise<boolean> {
  const stored = await deps.store.secrets.get(key);
  if (stored.kind !== "record" || !isStale(stored, publicKey)) return true;
  const secrets = await reseal(deps, key, publicKey, stored.value.secrets);
  const next = { ...stored.value, secrets: [...secrets] };
  const written = await deps.store.secrets.swap(key, next, stored.revision, { point: "secret.reseal" });
  return written.kind === "written";
}

async function reseal(
  { connection, names }: Pick<Deps, "connection" | "names">,
  scope: string,
  to: string,
  secrets: readonly SealedSecret[],
): Promise<readonly SealedSecret[]> {
  const request = { v: 1, scope, to, secrets };
  try {
    const answer = await ask(connection, names.svc.of("flight-plan-runner", "reseal"), request, ANSWER_MS);
    if (answer.ok) return ResealReply.parse(answer.body).secrets;
    throw new RefusedError("secret_unavailable", answer.error.message);
  } catch (thrown) {
    if (!(thrown instanceof NobodyThereError)) throw thrown;
    throw new RefusedError("secret_unavailable", "no runner that holds keys of secrets is there");
  }
}

async function readKey({
  store,
}: Pick<Deps, "store">): Promise<Exclude<Stored<SecretsKey>, { kind: "unreadable" }>> {
  const stored = await store.secretsKey.get(SECRETS_KEY);
  if (stored.kind === "unreadable") throw new Error(`the key of secrets cannot be read: ${stored.why}`);
  return stored;
}
