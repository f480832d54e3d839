import {
  type ActionRecord,
  MIN_SECRET_CHARACTERS,
  type SealedSecret,
  SecretBox,
  type SecretScope,
  secretsOf,
} from "@jetmesh/protocol";
import { ensureError, openSealed, readJson, type SealKey } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import type { ReadSecrets, SecretReader } from "./kinds.ts";

type ReaderDeps = Pick<RunnerDeps, "store" | "sealKeys">;
type Owner = Pick<ActionRecord, "jet" | "incarnation" | "template">;

export function createSecretReader(deps: ReaderDeps, owner: Owner): SecretReader {
  return {
    async read(names) {
      try {
        return await readSecrets(deps, owner, names);
      } catch (thrown) {
        return unavailable(`secrets cannot be read: ${ensureError(thrown).message}`);
      }
    },
  };
}

async function readSecrets(deps: ReaderDeps, owner: Owner, names: readonly string[]): Promise<ReadSecrets> {
  const keys = deps.sealKeys();
  if (keys.length === 0) return unavailable("this runner holds no seed that opens secrets");
  const values: Record<string, string> = {};
  const left = new Set(names);
  for (const scope of scopesOf(owner)) {
    if (left.size === 0) break;
    for (const secret of await secretsIn(deps, owner, scope)) {
      if (!left.delete(secret.name)) continue;
      const opened = openIn(keys, secretsOf(scope), secret);
      if (opened === undefined)
        return unavailable(`secret '${secret.name}' cannot be opened here: it is sealed to ${secret.key}`);
      if (opened.length < MIN_SECRET_CHARACTERS)
        return unavailable(
          `secret '${secret.name}' has less than ${String(MIN_SECRET_CHARACTERS)} characters`,
        );
      // No environment and no header takes one, and what refuses it says what it was given.
      if (opened.includes("\0")) return unavailable(`secret '${secret.name}' has a zero byte`);
      values[secret.name] = opened;
    }
  }
  const [unset] = left;
  if (unset === undefined) return { values };
  return { error: { code: "unknown_secret", message: `secret '${unset}' is not set` } };
}

const scopesOf = ({ jet, template }: Owner): SecretScope[] => [
  ...(jet === undefined ? [] : [{ jet }]),
  ...(template === undefined ? [] : [{ template }]),
  {},
];

async function secretsIn(
  { store }: ReaderDeps,
  { incarnation }: Owner,
  scope: SecretScope,
): Promise<readonly SealedSecret[]> {
  const stored = await store.secrets.get(secretsOf(scope));
  if (stored.kind === "unreadable") throw new Error(stored.why);
  if (stored.kind !== "record") return [];
  // Those of a jet that had the name before are not this one's.
  const isIts = scope.jet === undefined || stored.value.incarnation === incarnation;
  return isIts ? stored.value.secrets : [];
}

/** What is in a box, where the box belongs where it lies. */
export function openIn(
  keys: readonly SealKey[],
  scope: string,
  { name, ...sealed }: SealedSecret,
): string | undefined {
  const text = openSealed(keys, sealed);
  if (text === undefined) return undefined;
  // What is no JSON is undefined, and is not said: the message would hold it.
  const box = SecretBox.safeParse(readJson(Buffer.from(text)));
  return box.success && box.data.scope === scope && box.data.name === name ? box.data.value : undefined;
}

const unavailable = (message: string): ReadSecrets => ({ error: { code: "secret_unavailable", message } });
