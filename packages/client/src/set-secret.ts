import {
  MAX_SECRET_BYTES,
  MIN_SECRET_CHARACTERS,
  type SecretBox,
  type SecretScope,
  type SecretView,
  secretsOf,
} from "@jetmesh/protocol";
import { isSealKey, seal } from "@jetmesh/storage";
import type { MeshClient } from "./client.ts";
import { isRefusal, MeshError } from "./mesh-error.ts";

export interface SecretValue extends SecretScope {
  readonly name: string;
  readonly value: string;
  /** The key to seal to, where it is known from elsewhere; what the mesh says is believed otherwise. */
  readonly key?: string | undefined;
}

/** The key may be changed between the question and the answer, and then it is sealed again. */
const MOST_TRIES = 3;

/** Sets a secret of a jet, of a template, or of the mesh. It is sealed here: nobody on the way to a runner can open it. */
export async function setSecret(
  client: MeshClient,
  { name, value, key: known, jet, template }: SecretValue,
  timeoutMs?: number,
): Promise<SecretView> {
  if (value.length < MIN_SECRET_CHARACTERS)
    throw new MeshError(
      "invalid_request",
      `a secret has ${String(MIN_SECRET_CHARACTERS)} characters at least: what is shorter cannot be masked`,
    );
  if (value.includes("\0")) throw new MeshError("invalid_request", "a secret is text without zero bytes");
  if (Buffer.byteLength(value) > MAX_SECRET_BYTES)
    throw new MeshError("too_large", `a secret has ${String(MAX_SECRET_BYTES)} bytes at most`);
  const scope = { ...(jet === undefined ? {} : { jet }), ...(template === undefined ? {} : { template }) };
  const box: SecretBox = { v: 1, scope: secretsOf(scope), name, value };
  for (let tries = 1; ; tries += 1) {
    const key = known ?? (await client.call("secret.key", {}, timeoutMs)).publicKey;
    if (!isSealKey(key)) throw new MeshError("invalid_request", `'${key}' is no key that can be sealed to`);
    try {
      const request = { ...scope, name, ...seal(JSON.stringify(box), key) };
      return await client.call("secret.set", request, timeoutMs);
    } catch (thrown) {
      if (known !== undefined || tries >= MOST_TRIES || !isRefusal(thrown, "conflict")) throw thrown;
    }
  }
}
