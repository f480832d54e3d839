import type {
  CurrentKey,
  RequestOf,
  RotatedKey,
  SecretScope,
  SecretView,
  SvcRequest,
} from "@jetmesh/protocol";
import { mustBeAllowed } from "@jetmesh/service-kit";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import type { Page } from "./pages.ts";

/** Records are sealed anew one after another. */
const ROTATE_MS = 60_000;

/** Any user may seal something; who may set it is another matter. */
export const getSecretsKey = (deps: GatewayDeps): Promise<CurrentKey> =>
  handOver<CurrentKey>(deps, "state-store.secret-key", { v: 1 });

/** What is sealed passes here and cannot be opened; nothing that answers has it. */
export const changeSecrets =
  <T extends SecretView | Page<SecretView>, V extends SecretVerb>(verb: V) =>
  async (deps: GatewayDeps, user: string, request: SvcRequest<V>["request"]): Promise<T> => {
    const { jet, template }: SecretScope = request;
    await mustBeAllowed(deps, { operation: "secret.change", user, jet, template });
    return handOver<T>(deps, verb, { v: 1, user, request });
  };
type SecretVerb = "state-store.secret-set" | "state-store.secret-list" | "state-store.secret-delete";

export async function rotateSecretsKey(
  deps: GatewayDeps,
  user: string,
  { publicKey }: RequestOf<"secret.rotate-key">,
): Promise<RotatedKey> {
  await mustBeAllowed(deps, { operation: "secret.change", user });
  const request = { v: 1, user, ...(publicKey === undefined ? {} : { publicKey }) } as const;
  return handOver<RotatedKey>(deps, "state-store.secret-rotate", request, undefined, ROTATE_MS);
}
