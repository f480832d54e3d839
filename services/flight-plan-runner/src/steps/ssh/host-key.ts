import { createHash, createHmac } from "node:crypto";

/** What is known of a machine's keys: of each its kind, and whether it is one that must not be taken any more. */
export interface KnownKey {
  readonly type: string;
  readonly blob: string;
  readonly revoked: boolean;
}
export type HostKeys = { readonly fingerprint: string } | { readonly keys: readonly KnownKey[] };

/** The keys that a known_hosts file has for a machine. Certificate authorities are passed over. */
export function knownKeys(text: string, host: string, port: number): KnownKey[] {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${String(port)}`;
  return text.split("\n").flatMap((line): KnownKey[] => {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") === true ? words.shift() : undefined;
    const [hosts, type, blob] = words;
    if (hosts === undefined || type === undefined || blob === undefined || hosts.startsWith("#")) return [];
    if ((marker !== undefined && marker !== "@revoked") || !names(hosts, name)) return [];
    return [{ type, blob, revoked: marker === "@revoked" }];
  });
}

/** What a step says of the key: `SHA256:…`, or a line as in a file of public keys. Undefined: it is neither. */
export function givenKey(text: string): HostKeys | undefined {
  const [first = "", second] = text.trim().split(/\s+/);
  if (first.startsWith("SHA256:")) return { fingerprint: first.replace(/=+$/, "") };
  return second === undefined ? undefined : { keys: [{ type: first, blob: second, revoked: false }] };
}

export const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

/** Why a machine that shows this key is not the one that is meant; undefined where it is. */
export function faultOfKey(expected: HostKeys, key: Buffer): string | undefined {
  const shown = fingerprintOf(key);
  if ("fingerprint" in expected)
    return expected.fingerprint === shown ? undefined : `showed ${shown}, expected ${expected.fingerprint}`;
  const blob = key.toString("base64");
  const same = expected.keys.filter((one) => one.blob === blob);
  if (same.some(({ revoked }) => revoked)) return `showed ${shown}, which is revoked`;
  if (same.length > 0) return undefined;
  const isKnown = expected.keys.some(({ revoked }) => !revoked);
  return isKnown ? `showed ${shown}, and is known by another key` : `is not known; it showed ${shown}`;
}

/** So that the machine shows a key of a kind that is known, where it has several. */
export function firstKinds(expected: HostKeys): string[] {
  if ("fingerprint" in expected) return [];
  const types = expected.keys.filter(({ revoked }) => !revoked).map(({ type }) => type);
  return [...new Set(types)].flatMap((type) =>
    type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type],
  );
}

function names(hosts: string, name: string): boolean {
  if (hosts.startsWith("|1|")) {
    const [, , salt = "", hash] = hosts.split("|");
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
  }
  const patterns = hosts.toLowerCase().split(",");
  if (patterns.some((one) => one.startsWith("!") && fits(one.slice(1), name))) return false;
  return patterns.some((one) => fits(one, name));
}

/** `*` and `?`, without going back and forth for long: a file may have anything in it. */
function fits(pattern: string, name: string): boolean {
  let reached = new Set([0]);
  for (const sign of pattern) {
    const next = new Set<number>();
    for (const at of reached) {
      if (sign === "*") for (let to = at; to <= name.length; to += 1) next.add(to);
      else if (at < name.length && (sign === "?" || sign === name[at])) next.add(at + 1);
    }
    reached = next;
  }
  return reached.has(name.length);
}
