import { readFileSync } from "node:fs";
import { type Authenticator, credsAuthenticator, nkeyAuthenticator, nkeys } from "@nats-io/nats-core";

/** A key pair of a user: the server is told the public key, the seed stays with who connects. */
export interface UserKey {
  readonly publicKey: string;
  readonly seed: string;
}

export function createUserKey(): UserKey {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), seed: decoder.decode(pair.getSeed()) };
}

/** The public key of what a file of credentials holds. Throws where that is no seed of a user. */
export function publicKeyOf(credentials: string): string {
  const publicKey = nkeys.fromSeed(encoder.encode(seedIn(credentials))).getPublicKey();
  if (!isUserKey(publicKey)) throw new Error("not the seed of a user's nkey");
  return publicKey;
}

/** Whether it is one in truth: a server with one that only looks like it does not start. */
export function isUserKey(publicKey: string): boolean {
  try {
    nkeys.fromPublic(publicKey);
    return publicKey.startsWith("U");
  } catch {
    return false;
  }
}

/**
 * By a file with the seed of an nkey, alone or between its usual marks, or by one of a server with an operator, which
 * has a JWT before the seed. Read again at each connect, so that a key is changed by changing the file.
 */
export function authenticatorOf(file: string): Authenticator {
  const read = (): Authenticator => {
    const bytes = readFileSync(file);
    const text = bytes.toString();
    return text.includes("NATS USER JWT")
      ? credsAuthenticator(bytes)
      : nkeyAuthenticator(encoder.encode(seedIn(text)));
  };
  let last = read();
  return (nonce) => {
    try {
      last = read();
    } catch {
      // Being written, or gone: what was right until now is told whether it still is.
    }
    return last(nonce);
  };
}

function seedIn(text: string): string {
  const seed = /^S[A-Z2-7]{57}$/m.exec(text.trim())?.[0];
  if (seed === undefined) throw new Error("no seed of an nkey in it");
  return seed;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
