import { isUserKey, type Keyring } from "@jetmesh/storage";

/** What becomes of the keys that definitions name. */
export interface UserKeys {
  readonly users: Keyring["users"];
  /** Keys that let nobody in, and why. */
  readonly problems: readonly string[];
}

/**
 * Who may connect by which key. A key that is none would keep the server from starting, and one that two have would let
 * one in as the other: neither counts, for anybody. `own` are keys that no definition can take: of the root user, the
 * operator and the services.
 */
export function usersByKey(
  defined: ReadonlyMap<string, string>,
  own: ReadonlyMap<string, string>,
  root: string,
): UserKeys {
  const problems: string[] = [];
  const holders = new Map<string, string[]>();
  for (const [user, key] of defined) holders.set(key, [...(holders.get(key) ?? []), user]);
  const ownerOf = new Map([...own].map(([name, key]) => [key, name]));
  const isSound = (user: string, key: string): boolean => {
    if (!isUserKey(key)) return complain(`the public key of user '${user}' is none`);
    const others = [ownerOf.get(key), ...(holders.get(key) ?? [])].filter(
      (name) => name !== undefined && name !== user,
    );
    return (
      others.length === 0 || complain(`the public key of user '${user}' is also that of ${others.join(", ")}`)
    );
  };
  const complain = (problem: string): false => {
    problems.push(problem);
    return false;
  };
  const keysOf = new Map<string, Set<string>>();
  const give = (user: string, key: string): void =>
    void keysOf.set(user, (keysOf.get(user) ?? new Set()).add(key));
  const rootKey = own.get(root);
  if (rootKey !== undefined) give(root, rootKey);
  for (const [user, key] of defined) if (isSound(user, key)) give(user, key);
  const users = [...keysOf]
    .map(([name, keys]) => ({ name, publicKeys: [...keys] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { users, problems };
}
