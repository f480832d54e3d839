import type { Names } from "@jetmesh/protocol";

/** What to type next: three lines of the plain NATS command, three of ours; they work as they are. */
export function nextLines(given: {
  readonly url: string;
  readonly user: string;
  readonly names: Names;
  readonly credsFile: string | undefined;
  /** Where there are keys: of the user who asks, and of the operator, who may look at everything. */
  readonly keys?: { readonly user: string; readonly operator: string } | undefined;
  readonly jet: string | undefined;
  /** The commands of this checkout find the mesh by themselves. */
  readonly isDefaultStore: boolean;
}): string[] {
  const { url, user, names, credsFile, jet, keys } = given;
  const plain = `nats --server ${url}${credsFile === undefined ? "" : ` --creds ${quote(credsFile)}`}`;
  const nats = keys === undefined ? plain : `nats --server ${url} --nkey ${quote(keys.operator)}`;
  const natsAsUser = keys === undefined ? plain : `nats --server ${url} --nkey ${quote(keys.user)}`;
  const { isDefaultStore } = given;
  const as = (file: string | undefined): string =>
    isDefaultStore || file === undefined ? "" : `NATS_CREDS_FILE=${quote(file)} `;
  const where = isDefaultStore ? "./jm" : `./jm --url ${url}`;
  const jm = `${as(keys?.user)}${where}`;
  if (jet === undefined) {
    const [jets = ""] = names.bucketsOf(names.buckets.jets);
    return [
      `${nats} micro ls`,
      `${nats} stream ls`,
      `${nats} kv ls ${jets}`,
      `${as(keys?.operator)}${where} doctor`,
      `${jm} jet list`,
      `${jm} action list`,
    ];
  }
  return [
    `${nats} micro ls`,
    `${nats} kv get ${names.bucketOf(names.buckets.jets, jet)} ${jet}`,
    `${natsAsUser} pub ${names.trigger.of(user, jet, "restart")} '{}'`,
    `${jm} jet list`,
    `${jm} jet trigger ${jet} restart --wait`,
    `${jm} watch ${jet}`,
  ];
}

const quote = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
