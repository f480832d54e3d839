import { toInstant } from "@jetmesh/lifecycle";
import {
  type JetRecord,
  MAX_SECRETS,
  MAX_SECRETS_BYTES,
  type SealedSecret,
  type SecretScope,
  type SecretsRecord,
  type SecretView,
  type SvcRequest,
  secretsOf,
} from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import type { WritePoint } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { writeSecretChange } from "./history.ts";
import { currentKey } from "./secrets-key.ts";
import { usableTemplate } from "./usable-template.ts";

const MOST_TRIES = 20;
/** A record without secrets goes by itself. */
const EMPTY_TTL_MS = 60_000;

type SecretDeps = Pick<Deps, "store" | "clock">;

/** Sets a secret anew, as a version of its own: what is there is what came last, and what was there before is gone. */
export async function setSecret(
  deps: Deps,
  { user, request }: SvcRequest<"state-store.secret-set">,
): Promise<SecretView> {
  const { jet, template, name, key, from, sealed } = request;
  const { publicKey } = await currentKey(deps);
  if (key !== publicKey)
    throw new RefusedError("conflict", "it is sealed to another key than the mesh has by now; seal it again");
  const incarnation = await ownerOf(deps, request);
  const set = await changeSecrets(deps, request, incarnation, "secret.set", (secrets) => {
    const before = secrets.find((one) => one.name === name);
    const at = toInstant(deps.clock.now());
    const secret = { name, version: (before?.version ?? 0) + 1, by: user, at, key, from, sealed };
    return { secrets: [...secrets.filter((one) => one !== before), secret], secret };
  });
  if (template !== undefined) await keptWith(deps, template, set);
  await writeSecretChange(deps, "secret_set", user, request, set);
  return viewOf({ jet, template }, set);
}

export async function deleteSecret(
  deps: Deps,
  { user, request }: SvcRequest<"state-store.secret-delete">,
): Promise<SecretView> {
  const incarnation = await ownerOf(deps, request);
  const gone = await changeSecrets(deps, request, incarnation, "secret.delete", (secrets) => {
    const secret = secrets.find(({ name }) => name === request.name);
    if (secret === undefined)
      throw new RefusedError("unknown_secret", `there is no secret '${request.name}' there`);
    return { secrets: secrets.filter((one) => one !== secret), secret };
  });
  await writeSecretChange(deps, "secret_deleted", user, request, gone);
  return viewOf(request, gone);
}

/** All but what is in them. */
export async function listSecrets(
  deps: Deps,
  { request }: SvcRequest<"state-store.secret-list">,
): Promise<{ readonly items: readonly SecretView[] }> {
  const incarnation = await ownerOf(deps, request);
  const stored = await deps.store.secrets.get(secretsOf(request));
  const secrets = stored.kind === "record" ? thoseOf(stored.value, incarnation) : [];
  const items = secrets.map((secret) => viewOf(request, secret)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { items };
}

/** Of a template that is no more, or of a jet: those of one that has its name by then stay. */
export async function dropSecrets(
  { store }: Pick<Deps, "store">,
  scope: SecretScope,
  incarnation?: number,
): Promise<void> {
  const key = secretsOf(scope);
  const empty: SecretsRecord = { v: 1, secrets: [] };
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await store.secrets.get(key);
    if (stored.kind !== "record" || thoseOf(stored.value, incarnation).length === 0) return;
    const options = { point: "secret.delete", ttlMs: EMPTY_TTL_MS } as const;
    if ((await store.secrets.swap(key, empty, stored.revision, options)).kind === "written") return;
  }
}

/** A hint: whether it is done or not, a jet that is made anew has none of them. */
export function dropSecretsLater(
  deps: Pick<Deps, "store" | "log">,
  { reference: jet, incarnation }: Pick<JetRecord, "reference" | "incarnation">,
): void {
  dropSecrets(deps, { jet }, incarnation).catch((thrown: unknown) =>
    deps.log.warn({ err: thrown, jet }, "its secrets are not dropped yet"),
  );
}

/**
 * Who deletes a template drops its secrets while it is marked: what came behind that is taken back here, so that a template
 * that is made anew under its name has none of them.
 */
async function keptWith(deps: Deps, template: string, set: SealedSecret): Promise<void> {
  try {
    await usableTemplate(deps, template);
  } catch (thrown) {
    await changeSecrets(deps, { template }, undefined, "secret.delete", (secrets) => ({
      secrets: secrets.filter(({ from }) => from !== set.from),
      secret: set,
    }));
    throw thrown;
  }
}

/** The incarnation of a jet; refused where what the scope names is not there. */
async function ownerOf(deps: Deps, { jet, template }: SecretScope): Promise<number | undefined> {
  if (template !== undefined) await usableTemplate(deps, template);
  if (jet === undefined) return undefined;
  const at = await deps.jets.load(jet, true);
  if (at === undefined || at.jet.destroyedAt !== undefined)
    throw new RefusedError("unknown_jet", `there is no jet '${jet}'`);
  return at.jet.incarnation;
}

/** None of a jet that had the name before. */
const thoseOf = (record: SecretsRecord, incarnation: number | undefined): readonly SealedSecret[] =>
  record.incarnation === incarnation ? record.secrets : [];

interface Changed {
  readonly secrets: readonly SealedSecret[];
  readonly secret: SealedSecret;
}

async function changeSecrets(
  { store }: SecretDeps,
  scope: SecretScope,
  incarnation: number | undefined,
  point: WritePoint,
  change: (secrets: readonly SealedSecret[]) => Changed,
): Promise<SealedSecret> {
  const key = secretsOf(scope);
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await store.secrets.get(key);
    if (stored.kind === "unreadable")
      throw new Error(`the secrets of '${key}' cannot be read: ${stored.why}`);
    // The jet was made anew since it was looked at: what that one has is not this request's to replace.
    if (stored.kind === "record" && (stored.value.incarnation ?? 0) > (incarnation ?? 0))
      throw new RefusedError("conflict", `what has secrets as '${key}' is another by now; ask again`);
    const { secrets, secret } = change(stored.kind === "record" ? thoseOf(stored.value, incarnation) : []);
    const record: SecretsRecord = {
      v: 1,
      ...(incarnation === undefined ? {} : { incarnation }),
      secrets: [...secrets],
    };
    const text = JSON.stringify(record);
    if (secrets.length > MAX_SECRETS || text.length > MAX_SECRETS_BYTES)
      throw new RefusedError(
        "too_large",
        `'${key}' would have more than ${String(MAX_SECRETS)} secrets, or ${String(MAX_SECRETS_BYTES)} bytes of them`,
      );
    const ttlMs = secrets.length === 0 ? EMPTY_TTL_MS : undefined;
    const expected = stored.kind === "absent" ? 0 : stored.revision;
    const written = await store.secrets.swap(key, record, expected, { point, text, ttlMs });
    if (written.kind === "written") return secret;
  }
  throw new RefusedError("conflict", `secrets of '${key}' are changed too often just now`);
}

const viewOf = (
  { jet, template }: SecretScope,
  { from: _from, sealed: _sealed, ...shown }: SealedSecret,
): SecretView => ({
  ...shown,
  ...(jet === undefined ? {} : { jet }),
  ...(template === undefined ? {} : { template }),
});
